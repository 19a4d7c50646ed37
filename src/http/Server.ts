import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Data, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { createServer, type Server, type ServerOptions } from "node:http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Connections, followConnections } from "./Connections.ts"
import { asksForWebSocket } from "./Framing.ts"
import { refuseGarbage, refuseTunnel } from "./Parser.ts"

/** Why an address could not be listened on, in one line for whoever starts the gateway. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

/** The portals' listener: HTTP/1.1, with Node's strict parser, and a problem document where the parser refuses. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { server } = yield* GatewayConfig
    return listener({
      variables: { host: "HOST", port: "PORT" },
      host: server.host,
      port: server.port,
      drainTimeoutSeconds: server.drainTimeoutSeconds,
      server: {
        maxHeaderSize: server.maxHeaderBytes,
        headersTimeout: server.headersTimeoutSeconds * 1000,
        requestTimeout: server.requestTimeoutSeconds * 1000,
        // How late a slow client may be caught, in milliseconds.
        connectionsCheckingInterval: 1000,
        // Longer than the usual load balancer's 60 s, so that the balancer is the one that closes.
        keepAliveTimeout: 65_000,
      },
    })
  }),
)

/** The operators' listener: each of several workers has its own port, counting up from `ADMIN_PORT`. */
export const adminLayer = (workerIndex: number) =>
  Layer.unwrap(
    Effect.map(GatewayConfig, ({ server }) =>
      listener({
        variables: { host: "ADMIN_HOST", port: "ADMIN_PORT" },
        host: server.adminHost,
        port: server.adminPort === 0 ? 0 : server.adminPort + workerIndex,
        drainTimeoutSeconds: 1,
        server: {},
      }),
    ),
  )

/** Where the operators' listener is; with port 0 only it knows. */
export class AdminAddress extends Context.Service<
  AdminAddress,
  { readonly address: HttpServer.HttpServer["Service"]["address"] }
>()("gateway/http/AdminAddress") {
  static readonly layer = Layer.effect(
    this,
    Effect.map(HttpServer.HttpServer, ({ address }) => ({ address })),
  )
}

interface Listening {
  /** What the operator sets the address with. */
  readonly variables: { readonly host: string; readonly port: string }
  readonly host: string
  readonly port: number
  readonly drainTimeoutSeconds: number
  readonly server: ServerOptions
}

const listener = (listening: Listening) => {
  const open = Effect.gen(function* () {
    const server = makeServer(listening.server)
    const connections = followConnections(server)
    const opened = yield* NodeHttpServer.make(() => server, {
      port: listening.port,
      host: listening.host,
      gracefulShutdownTimeout: `${listening.drainTimeoutSeconds} seconds`,
    }).pipe(Effect.mapError(({ cause }) => new CannotListen({ message: whyNot(cause, listening) })))
    // Lets go of whoever is still there when the time to finish is over: closing would wait for them.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    return Context.make(HttpServer.HttpServer, opened).pipe(Context.add(Connections, connections))
  })
  return Layer.merge(Layer.effectContext(open), NodeHttpServer.layerHttpServices)
}

const makeServer = (options: ServerOptions): Server => {
  const server = createServer({
    ...options,
    // A missing host is refused in the pipeline, as a problem document; so is an unknown expectation, below.
    requireHostHeader: false,
    // Any other upgrade (h2c, say) is ignored, as RFC 9110 7.8 allows: the request stays an ordinary one.
    shouldUpgradeCallback: asksForWebSocket,
  })
  return server
    .on("clientError", refuseGarbage)
    .on("connect", refuseTunnel)
    .on("checkExpectation", (request, response) => server.emit("request", request, response))
}

const whyNot = (cause: unknown, { variables, host, port }: Listening): string => {
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
