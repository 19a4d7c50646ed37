/** Starts this gateway, for the gateway rungs. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { freePort, startChild, untilReady } from "../child.ts"
import type { RungContext, Running } from "../types.ts"
import { running } from "./server.ts"

const built = "dist/main.js"
const source = "src/main.ts"

const root = join(import.meta.dirname, "..", "..")

const everySwitchOff = {
  ENABLE_AUTH_MIDDLEWARE: "false",
  ENABLE_RBAC_MIDDLEWARE: "false",
  ENABLE_POLICY_MIDDLEWARE: "false",
  ENABLE_BUDGET_MIDDLEWARE: "false",
  ENABLE_AUDIT_MIDDLEWARE: "false",
  ENABLE_ERROR_MIDDLEWARE: "false",
  RATE_LIMIT_ENABLED: "false",
}

/** The gateway's main file, relative to the repository. */
const entry = (useSource: boolean): string => {
  const found = (useSource ? [source] : [built, source]).find((file) => existsSync(join(root, file)))
  if (found === undefined)
    throw new Error(`the gateway is missing: no ${useSource ? "" : `${built} and no `}${source}`)
  return found
}

/** Starts `gateway serve` with every switch off but those that `env` turns on. */
export const startGateway = async (
  name: string,
  context: RungContext,
  env: Readonly<Record<string, string>> = {},
): Promise<Running> => {
  const program = entry(context.useSource)
  const port = await freePort()
  const adminPort = await freePort()
  const child = await startChild({
    name,
    command: process.execPath,
    args: [join(root, program), "serve"],
    env: {
      GATEWAY_TYPE: "CP",
      HOST: "127.0.0.1",
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
      PLANT_API_URL: context.upstream,
      ...everySwitchOff,
      ...env,
    },
    workDir: context.workDir,
  })
  const url = `http://127.0.0.1:${port}`
  await untilReady(child, `${url}/health`)
  return { ...running(child, url), program }
}
