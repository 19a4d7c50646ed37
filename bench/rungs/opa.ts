/** Policy servers for the rungs that ask some. */
import { join } from "node:path"
import { type Child, freePort, startChild, untilReady } from "../child.ts"
import { findProgram } from "./server.ts"

const policies = join(import.meta.dirname, "..", "..", "policies")

export interface Opa extends Child {
  readonly url: string
}

/** An OPA server that holds the gateway's policies. */
export const startOpa = async (name: string, workDir: string): Promise<Opa> => {
  const command = findProgram("opa", "TEST_OPA_BIN")
  const url = `127.0.0.1:${await freePort()}`
  const args =
    `run --server --addr ${url} --log-level error --ignore *_test.rego --ignore compiled --ignore data.json`
      .split(" ")
      .concat(policies, join(policies, "compiled", "data.json"))
  const child = await startChild({ name, command, args, workDir })
  await untilReady(child, `http://${url}/health`)
  return { ...child, url: `http://${url}` }
}
