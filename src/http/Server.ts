import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer } from "effect"
import { createServer, type Server } from "node:http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { refuseExpectation, refuseGarbage } from "./Parser.ts"

/** The portals' listener: HTTP/1.1, with Node's strict parser, and a problem document where the parser refuses. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { server } = yield* GatewayConfig
    return NodeHttpServer.layer(
      () =>
        guarded(
          createServer({
            maxHeaderSize: server.maxHeaderBytes,
            headersTimeout: server.headersTimeoutSeconds * 1000,
            requestTimeout: server.requestTimeoutSeconds * 1000,
            // How late a slow client may be caught, in milliseconds.
            connectionsCheckingInterval: 1000,
            // Longer than the usual load balancer's 60 s, so that the balancer is the one that closes.
            keepAliveTimeout: 65_000,
            // Any other upgrade (h2c, say) is ignored, as RFC 9110 7.8 allows: the request stays an ordinary one.
            shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
          }),
        ),
      {
        port: server.port,
        host: server.host,
        gracefulShutdownTimeout: `${server.drainTimeoutSeconds} seconds`,
      },
    )
  }),
)

const guarded = (server: Server): Server =>
  server
    .on("clientError", refuseGarbage)
    .on("checkExpectation", refuseExpectation)
    // A gateway is no forward proxy: there is no tunnel to ask for.
    .on("connect", (_request, socket) => refuseGarbage(new Error("CONNECT is not served"), socket))
