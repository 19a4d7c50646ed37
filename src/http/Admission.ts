import { Context, Effect, Layer } from "effect"
import { Exchange } from "./Exchange.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { Problem } from "./Problems.ts"
import type { Stage } from "./Stage.ts"

/**
 * Refuses what `CanonicalPath` found no route for. It stands inside correlation, errors, CORS and audit, so that
 * a refused request is named, documented, readable by the portal's script, and recorded like any other.
 */
export class AdmissionStage extends Context.Service<AdmissionStage, Stage<MatchedRoute, Exchange>>()(
  "gateway/http/AdmissionStage",
) {
  static readonly layer = Layer.succeed(this, (app) =>
    Exchange.use((exchange) =>
      exchange.match instanceof Problem
        ? Effect.fail(exchange.match)
        : MatchedRoute.provide(exchange, exchange.match)(app),
    ),
  )
}
