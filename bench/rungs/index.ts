import type { Rung } from "../types.ts"
import { fastifyHttpProxy } from "./fastify-http-proxy.ts"
import { gatewayAuth } from "./gateway-auth.ts"
import { gatewayBare } from "./gateway-bare.ts"
import { gatewayRbac } from "./gateway-rbac.ts"
import { haproxy } from "./haproxy.ts"
import { nginx } from "./nginx.ts"
import { nodeHttp } from "./node-http.ts"
import { nodeUndici } from "./node-undici.ts"

/** The ladder, in the order it is printed. */
export const rungs: ReadonlyArray<Rung> = [
  nodeHttp,
  nodeUndici,
  fastifyHttpProxy,
  nginx,
  haproxy,
  gatewayBare,
  gatewayAuth,
  ...gatewayRbac,
]
