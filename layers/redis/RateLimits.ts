import { Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { RateLimits } from "../../src/http/RateLimits.ts"
import * as Memory from "../memory/RateLimits.ts"

/** Counts in Redis, for all instances together; while Redis is away, in this process alone. */
export const layer = Layer.effect(
  RateLimits,
  Effect.gen(function* () {
    const take = Memory.takeFrom(yield* RateLimiter.RateLimiter)
    const local = yield* RateLimits
    return RateLimits.of({
      take: (key, limit, window) =>
        // The hash tag keeps a limit's keys in one slot of a Redis Cluster.
        take(`{${key}}`, limit, window).pipe(
          Effect.catch((error) =>
            Effect.andThen(
              Effect.logWarning("Redis is away: the rate limit counts in this process alone", error),
              local.take(key, limit, window),
            ),
          ),
        ),
    })
  }),
).pipe(
  Layer.provide(Memory.layer),
  Layer.provide(RateLimiter.layer),
  Layer.provide(RateLimiter.layerStoreRedis({ prefix: "gateway:rate:" })),
)
