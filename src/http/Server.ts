import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Data, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { createServer, type Server, type ServerOptions } from "node:http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Connections, followConnections } from "./Connections.ts"
import { asksForWebSocket } from "./Framing.ts"
import { answerRequests } from "./Listener.ts"
import { refuseGarbage, refuseTunnel } from "./Parser.ts"
import type { Application } from "./Stage.ts"

/** Why an address could not be listened on, in one line for whoever starts the gateway. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

/**
 * The portals' listener: HTTP/1.1, with Node's strict parser, and a problem document where the parser refuses. Requests
 * go to the application straight from Node (docs/decisions/0009). When it closes, requests in flight get
 * `DRAIN_TIMEOUT_SECONDS`.
 */
export const layer = (application: Application) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const settings = (yield* GatewayConfig).server
      const server = yield* makeServer({
        maxHeaderSize: settings.maxHeaderBytes,
        headersTimeout: settings.headersTimeoutSeconds * 1000,
        requestTimeout: settings.requestTimeoutSeconds * 1000,
        // How late a slow client may be caught, in milliseconds.
        connectionsCheckingInterval: 1000,
        // Longer than the usual load balancer's 60 s, so that the balancer is the one that closes.
        keepAliveTimeout: 65_000,
      })
      const connections = followConnections(server)
      const requests = yield* answerRequests(server, connections, application)
      const { address } = yield* listen(server, {
        variables: { host: "HOST", port: "PORT" },
        host: settings.host,
        port: settings.port,
      })
      yield* Effect.addFinalizer(() => requests.drain(settings.drainTimeoutSeconds))
      return Context.make(PortalsAddress, { address }).pipe(Context.add(Connections, connections))
    }),
  )

/** The operators' listener: each of several workers has its own port, counting up from `ADMIN_PORT`. */
export const adminLayer = (workerIndex: number) =>
  Layer.effect(
    HttpServer.HttpServer,
    Effect.gen(function* () {
      const { adminHost, adminPort } = (yield* GatewayConfig).server
      const server = yield* makeServer({})
      const listening = yield* listen(server, {
        variables: { host: "ADMIN_HOST", port: "ADMIN_PORT" },
        host: adminHost,
        port: adminPort === 0 ? 0 : adminPort + workerIndex,
      })
      // Lets go of whoever is still there: closing would wait for them.
      yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
      return listening
    }),
  ).pipe(Layer.merge(NodeHttpServer.layerHttpServices))

/** Where the portals' listener is; with port 0 only it knows. */
export class PortalsAddress extends Context.Service<
  PortalsAddress,
  Pick<HttpServer.HttpServer["Service"], "address">
>()("gateway/http/PortalsAddress") {}

/** Where the operators' listener is; with port 0 only it knows. */
export class AdminAddress extends Context.Service<AdminAddress, PortalsAddress["Service"]>()(
  "gateway/http/AdminAddress",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.map(HttpServer.HttpServer, ({ address }) => ({ address })),
  )
}

const makeServer = Effect.fnUntraced(function* (options: ServerOptions) {
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const server = createServer({
    ...options,
    // A missing host is refused in the pipeline, as a problem document; so is an unknown expectation, below.
    requireHostHeader: false,
    // Any other upgrade (h2c, say) is ignored, as RFC 9110 7.8 allows: the request stays an ordinary one.
    shouldUpgradeCallback: asksForWebSocket,
  })
  return server
    .on("clientError", refuseGarbage(run))
    .on("connect", refuseTunnel(run))
    .on("checkExpectation", (request, response) => server.emit("request", request, response))
})

interface Address {
  /** What the operator sets it with. */
  readonly variables: { readonly host: string; readonly port: string }
  readonly host: string
  readonly port: number
}

const listen = (server: Server, address: Address) =>
  NodeHttpServer.make(() => server, {
    port: address.port,
    host: address.host,
    gracefulShutdownTimeout: "1 second",
  }).pipe(Effect.mapError(({ cause }) => new CannotListen({ message: whyNot(cause, address) })))

const whyNot = (cause: unknown, { variables, host, port }: Address): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  switch (code) {
    case "EADDRINUSE":
      return `${variables.port}: port ${port} of ${host} is taken. Set ${variables.port} to a free port, or stop what listens there.`
    case "EACCES":
      return `${variables.port}: this user may not listen on port ${port}. Set ${variables.port} to a port above 1023.`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${variables.host}: ${host} is not an address of this machine. Set ${variables.host} to one that is.`
    default:
      return `${variables.port}: port ${port} of ${host} cannot be listened on (${String(cause)}).`
  }
}
