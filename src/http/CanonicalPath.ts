import { Context, Effect, Layer } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { makeClientReader } from "./Client.ts"
import { Exchange, type ExchangeShape } from "./Exchange.ts"
import { asksForWebSocket, framingProblem } from "./Framing.ts"
import { NodeExchange, pathOf } from "./NodeExchange.ts"
import { incomingMessage } from "./NodeMessages.ts"
import { makePortalReader } from "./PortalReader.ts"
import { Problem } from "./Problems.ts"
import { answered } from "./Relay.ts"
import { findRoute } from "./Routes.ts"
import type { Request, Stage } from "./Stage.ts"
import { canonicalTarget } from "./Target.ts"

/**
 * Reads the request target once, for every layer and for the upstream: which portal, which path, which route
 * (SPEC 2). What cannot be read in one way is a refusal in `Exchange.match`, raised by `Admission`.
 */
export class CanonicalPathStage extends Context.Service<CanonicalPathStage, Stage<Exchange>>()(
  "gateway/http/CanonicalPathStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { server, portal: portals } = yield* GatewayConfig
      const readClient = makeClientReader(server.trustedProxies)
      const readPortal = makePortalReader(portals)

      const read = (request: Request): ExchangeShape => {
        const message = incomingMessage(request)
        const client = readClient(message)
        // Node always sets the url of a server's request.
        const rawUrl = message.url as string
        const { portal, rest } = readPortal(rawUrl, client.host)
        const ambiguity = framingProblem(message)
        const target = ambiguity ?? canonicalTarget(rest, server.maxUrlBytes)
        const exchange =
          target instanceof Problem
            ? new NodeExchange(request, message, client, portal, pathOf(rawUrl), "", target)
            : new NodeExchange(
                request,
                message,
                client,
                portal,
                target.path,
                target.search,
                findRoute(portal, request.method, target.path),
              )
        // An upgrade that is refused has taken the connection out of HTTP's hands already.
        if (ambiguity !== undefined || asksForWebSocket(message))
          exchange.answerHeaders.set("connection", "close")
        return exchange
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
