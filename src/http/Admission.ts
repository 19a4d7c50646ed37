import { Context, Effect, Layer } from "effect"
import type { IncomingMessage } from "node:http"
import { Exchange } from "./Exchange.ts"
import { asksForWebSocket } from "./Framing.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { Problem } from "./Problems.ts"
import type { Route } from "./Routes.ts"
import type { Stage } from "./Stage.ts"

/**
 * Refuses what `CanonicalPath` found no route for, and what a route cannot give. It stands inside correlation,
 * errors, CORS and audit, so that a refused request is named, documented, readable by the portal's script, and
 * recorded like any other.
 */
export class AdmissionStage extends Context.Service<AdmissionStage, Stage<MatchedRoute, Exchange>>()(
  "gateway/http/AdmissionStage",
) {
  static readonly layer = Layer.succeed(this, (app) =>
    Exchange.use((exchange) => {
      const { match, request } = exchange
      if (match instanceof Problem) return Effect.fail(match)
      const refusal = refusalOf(request, match.route)
      return refusal === undefined ? MatchedRoute.provide(exchange, match)(app) : Effect.fail(refusal)
    }),
  )
}

const refusalOf = (request: IncomingMessage, { upgrade }: Route): Problem | undefined => {
  const { expect } = request.headers
  // RFC 9110 10.1.1; in HTTP/1.0 it is ignored.
  if (expect !== undefined && expect.toLowerCase() !== "100-continue" && request.httpVersion === "1.1") {
    return refused.expectation
  }
  // Node leaves the body of an upgrade request unread, so it cannot be treated as an ordinary one.
  return !upgrade && asksForWebSocket(request) ? refused.upgrade : undefined
}

const refused = {
  expectation: new Problem({
    slug: "expectation-failed",
    detail: "The only expectation served is 100-continue.",
  }),
  upgrade: new Problem({
    slug: "bad-request",
    detail: "This route is no WebSocket; send the request without an upgrade.",
  }),
}
