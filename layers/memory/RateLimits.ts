import { type Context, Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { hash } from "node:crypto"
import { RateLimits, type Taken } from "../../src/http/RateLimits.ts"

/** Counts with the library's limiter, whatever its store. */
export const takeFrom =
  (limiter: Context.Service.Shape<typeof RateLimiter.RateLimiter>) =>
  (key: string, limit: number, window: Duration.Input): Effect.Effect<Taken, RateLimiter.RateLimiterError> =>
    limiter.consume({ key, limit, window, algorithm: "fixed-window", onExceeded: "fail" }).pipe(
      Effect.as<Taken>({ allowed: true, retryAfter: Duration.zero }),
      Effect.catchReason("RateLimiterError", "RateLimitExceeded", (reason) =>
        Effect.succeed<Taken>({ allowed: false, retryAfter: reason.retryAfter }),
      ),
    )

/** Counts in this process alone. */
export const layer = Layer.effect(
  RateLimits,
  Effect.gen(function* () {
    const take = takeFrom(yield* RateLimiter.RateLimiter)
    return RateLimits.of({
      // A memory store cannot fail.
      take: (key, limit, window) => Effect.orDie(take(bounded(key), limit, window)),
    })
  }),
).pipe(
  // Fresh, or it would be the one that a layer over another store has built, and count there.
  Layer.provide(Layer.fresh(RateLimiter.layer)),
  Layer.provide(RateLimiter.layerStoreMemory),
)

/**
 * The library's memory store never forgets a key, and keys come from clients; so they share 65,536 counters. Two
 * keys that meet in one share a limit, which errs to the strict side.
 */
const bounded = (key: string): string => hash("sha256", key, "hex").slice(0, 4)
