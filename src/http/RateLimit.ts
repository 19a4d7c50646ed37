import { Context, Duration, Effect, Layer } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import type { Exchange } from "./Exchange.ts"
import { Problem } from "./Problems.ts"
import { RateLimits } from "./RateLimits.ts"
import type { Stage } from "./Stage.ts"

/** Limits the sign-in routes per client address, before any credential is looked at (SPEC 1, ROUTES). */
export class RateLimitStage extends Context.Service<RateLimitStage, Stage<never, Exchange | MatchedRoute>>()(
  "gateway/http/RateLimitStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { signInPerMinute } = (yield* GatewayConfig).rateLimit
      const limits = yield* RateLimits

      return RateLimitStage.of((app) =>
        MatchedRoute.use(({ route }, { client }) =>
          route.limitedByAddress
            ? Effect.flatMap(
                limits.take(`sign-in:${limitedUnit(client.address)}`, signInPerMinute, "1 minute"),
                ({ allowed, retryAfter }) =>
                  allowed ? app : Effect.fail(tooMany(signInPerMinute, retryAfter)),
              )
            : app,
        ),
      )
    }),
  )
  static readonly layerOff = Layer.succeed(this, (app) => app)
}

/** One IPv6 subscriber holds a whole /64; one limit holds for all of it. */
const limitedUnit = (address: string): string =>
  address.includes(":") ? address.split("::", 1).join().split(":").slice(0, 4).join(":") : address

const tooMany = (perMinute: number, retryAfter: Duration.Duration): Problem => {
  const seconds = Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))
  return new Problem({
    slug: "too-many-requests",
    detail: `More than ${perMinute} sign-in requests a minute came from this address.`,
    headers: { "retry-after": String(seconds) },
    extensions: { limit: perMinute, window_seconds: 60, retry_after_seconds: seconds },
  })
}
