import type { Rung } from "../types.ts"
import { startServer } from "./server.ts"

/** The usual choice in Node. */
export const fastifyHttpProxy: Rung = {
  name: "fastify-http-proxy",
  start: ({ workDir, upstream }) =>
    startServer("fastify-http-proxy", "servers/fastify.ts", workDir, upstream),
}
