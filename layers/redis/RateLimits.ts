import { Effect, Layer, Metric } from "effect"
import { RateLimiter } from "effect/persistence"
import { RateLimits } from "../../src/http/RateLimits.ts"
import * as Memory from "../memory/RateLimits.ts"

const countedLocally = Metric.counter("gateway_rate_limit_local_total", {
  description: "Requests that were counted in this process alone, because Redis was away",
  incremental: true,
})

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
          // The connection has logged that it is lost; a line for each request would drown it.
          Effect.catch(() =>
            Effect.andThen(Metric.update(countedLocally, 1), local.take(key, limit, window)),
          ),
        ),
    })
  }),
).pipe(
  Layer.provide(Memory.layer),
  Layer.provide(RateLimiter.layer),
  Layer.provide(RateLimiter.layerStoreRedis({ prefix: "gateway:rate:" })),
)
