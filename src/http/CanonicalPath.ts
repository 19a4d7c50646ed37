import { Context, Effect, Layer } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { makeClientReader } from "./Client.ts"
import { Exchange, type ExchangeShape } from "./Exchange.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { incomingMessage, serverResponse } from "./NodeMessages.ts"
import { makePortalReader } from "./PortalReader.ts"
import { Problem } from "./Problems.ts"
import { answered } from "./Relay.ts"
import { findRoute } from "./Routes.ts"
import type { Request, Stage } from "./Stage.ts"
import { canonicalTarget } from "./Target.ts"

/**
 * Reads the request target once, for every layer and for the upstream: which portal, which path, which route
 * (SPEC 2). What cannot be read is a refusal in `Exchange.match`, raised by `Admission`.
 */
export class CanonicalPathStage extends Context.Service<CanonicalPathStage, Stage<Exchange>>()(
  "gateway/http/CanonicalPathStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { server, portal: portals } = yield* GatewayConfig
      const { isDraining } = yield* Lifecycle
      const readClient = makeClientReader(server.trustedProxies)
      const readPortal = makePortalReader(portals)

      const read = (request: Request): ExchangeShape => {
        const message = incomingMessage(request)
        const client = readClient(message)
        // Node always sets the url of a server's request.
        const rawUrl = message.url as string
        const { portal, rest } = readPortal(rawUrl, client.host)
        const target = canonicalTarget(rest, server.maxUrlBytes)
        const refused = target instanceof Problem
        const requestedPath = rawUrl.split("?", 1).join()
        const path = refused ? requestedPath : target.path
        const answerHeaders = new Map<string, string>()
        if (isDraining()) answerHeaders.set("connection", "close")
        return {
          request: message,
          // Asked for late: an upgrade has a response only once it is refused.
          get response() {
            return serverResponse(request)
          },
          portal,
          method: request.method,
          requestedPath,
          path,
          search: refused ? "" : target.search,
          match: refused ? target : findRoute(portal, request.method, path),
          client,
          answerHeaders,
          facts: new Map(),
        }
      }

      return CanonicalPathStage.of((app) =>
        HttpServerRequest.HttpServerRequest.use((request) => {
          const exchange = read(request)
          return app.pipe(
            HttpEffect.withPreResponseHandler((_request, response) =>
              Effect.succeed(
                response === answered
                  ? response
                  : HttpServerResponse.setHeaders(response, exchange.answerHeaders),
              ),
            ),
            Effect.provideService(Exchange, exchange),
          )
        }),
      )
    }),
  )
}
