import { randomBytes } from "node:crypto"
import type { Rung, RungContext, Running } from "../types.ts"
import { startGateway } from "./gateway.ts"
import { startOpa } from "./opa.ts"
import { bearer } from "./token.ts"

const secret = randomBytes(32).toString("hex")

const chain = {
  GATEWAY_TYPE: "PP",
  ENABLE_AUTH_MIDDLEWARE: "true",
  ENABLE_ERROR_MIDDLEWARE: "true",
  ENABLE_RBAC_MIDDLEWARE: "true",
  JWT_SECRET_PP: secret,
}
const uncached = { OPA_CACHE_TTL_SECONDS: "0", OPA_CACHE_STALE_SECONDS: "0" }

const rung = (name: string, start: (context: RungContext) => Promise<Running>): Rung => ({
  name,
  start,
  headers: () => bearer("PP", secret),
})

/** The policy servers are not counted as the gateway's CPU: they are other processes. */
const overHttp = (name: string, batchMax: number): Rung =>
  rung(name, async (context) => {
    const opas = [
      await startOpa(`${name}-opa-1`, context.workDir),
      await startOpa(`${name}-opa-2`, context.workDir),
    ]
    const gateway = await startGateway(name, context, {
      ...chain,
      ...uncached,
      OPA_LAYER: "http",
      OPA_URLS: opas.map(({ url }) => url).join(","),
      OPA_BATCH_MAX: String(batchMax),
    })
    const stop = async () => {
      await gateway.stop()
      for (const opa of opas) await opa.stop()
    }
    return { ...gateway, stop }
  })

/** This gateway with auth and RBAC: decided in this process or by servers, remembered or not, in batches or one by one. */
export const gatewayRbac: ReadonlyArray<Rung> = [
  rung("gateway-rbac-wasm", (context) =>
    startGateway("gateway-rbac-wasm", context, { ...chain, OPA_LAYER: "wasm" }),
  ),
  rung("gateway-rbac-wasm-uncached", (context) =>
    startGateway("gateway-rbac-wasm-uncached", context, { ...chain, ...uncached, OPA_LAYER: "wasm" }),
  ),
  overHttp("gateway-rbac-http", 10),
  overHttp("gateway-rbac-http-unbatched", 1),
]
