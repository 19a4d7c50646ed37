/**
 * The usual Node choice: @fastify/http-proxy with its undici transport, logging off, and as many kept-alive
 * upstream connections as the `node-undici` rung has.
 * Usage: node fastify.ts <port> <upstream origin>
 */
import proxy from "@fastify/http-proxy"
import fastify from "fastify"

const [port, upstream] = process.argv.slice(2)
if (port === undefined || upstream === undefined)
  throw new Error("usage: fastify.ts <port> <upstream origin>")

const server = fastify({ logger: false })
await server.register(proxy, {
  upstream,
  disableRequestLogging: true,
  undici: { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 },
})
await server.listen({ host: "127.0.0.1", port: Number(port) })
