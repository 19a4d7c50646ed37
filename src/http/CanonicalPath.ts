import { Context, Effect, Layer } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { makeClientReader } from "./Client.ts"
import { asksForWebSocket, framingProblem } from "./Framing.ts"
import { methodOf, NodeExchange, pathOf } from "./NodeExchange.ts"
import { makePortalReader } from "./PortalReader.ts"
import { Problem } from "./Problems.ts"
import { findRoute } from "./Routes.ts"
import type { Application } from "./Stage.ts"
import { canonicalTarget } from "./Target.ts"

/**
 * Reads the request target once, for every layer and for the upstream: which portal, which path, which route
 * (SPEC 2). What cannot be read in one way is a refusal in `Exchange.match`, raised by `Admission`.
 */
export class CanonicalPath extends Context.Service<CanonicalPath, Application["read"]>()(
  "gateway/http/CanonicalPath",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { server, portal: portals } = yield* GatewayConfig
      const readClient = makeClientReader(server.trustedProxies)
      const readPortal = makePortalReader(portals)

      return CanonicalPath.of((request, response) => {
        const client = readClient(request)
        // Node always sets the url of a server's request.
        const rawUrl = request.url as string
        const { portal, rest } = readPortal(rawUrl, client.host)
        const ambiguity = framingProblem(request)
        const target = ambiguity ?? canonicalTarget(rest, server.maxUrlBytes)
        const exchange =
          target instanceof Problem
            ? new NodeExchange(request, response, client, portal, pathOf(rawUrl), "", target)
            : new NodeExchange(
                request,
                response,
                client,
                portal,
                target.path,
                target.search,
                findRoute(portal, methodOf(request), target.path),
              )
        // An upgrade that is refused has taken the connection out of HTTP's hands already.
        if (ambiguity !== undefined || asksForWebSocket(request))
          exchange.answerHeaders.set("connection", "close")
        return exchange
      })
    }),
  )
}
