import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisRateLimits from "../../layers/redis/RateLimits.ts"
import { RateLimits } from "../../src/http/RateLimits.ts"
import { describeLive } from "../Live.ts"
import { rateLimitsContract } from "./RateLimits.ts"
import { startRelay } from "../TcpRelay.ts"

const over = (url: string) => RedisRateLimits.layer.pipe(Layer.provide(IoRedis.layerUrl(Redacted.make(url))))

/** One instance of the gateway: counters and a connection of its own. */
const instance = (url: string) =>
  Effect.map(Layer.build(Layer.fresh(over(url))), (context) =>
    RateLimits.pipe(Effect.provideContext(context)),
  ).pipe(Effect.flatten)

await describeLive("RateLimits in Redis", "TEST_REDIS_URL", (url) => {
  rateLimitsContract(over(url))

  it.live("hold for all instances together", () =>
    Effect.gen(function* () {
      const key = `together:${randomUUID()}`
      const [one, other] = [yield* instance(url), yield* instance(url)]
      for (const { take } of [one, other, one]) assert.isTrue((yield* take(key, 3, "1 minute")).allowed)
      for (const { take } of [one, other]) assert.isFalse((yield* take(key, 3, "1 minute")).allowed)
    }),
  )

  it.live("count in the process alone while Redis is gone or hangs, and together again when it is back", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      const { take } = yield* instance(relay.url)
      const beside = yield* instance(url)
      const key = `apart:${randomUUID()}`
      const allowedOf = (times: number) =>
        Effect.map(
          Effect.all(Array.from({ length: times }, () => take(key, 3, "1 minute"))),
          (taken) => taken.filter(({ allowed }) => allowed).length,
        )

      yield* relay.vanish
      assert.strictEqual(yield* allowedOf(5), 3)
      yield* relay.heal
      yield* relay.hang
      assert.strictEqual(yield* allowedOf(1), 0)
      // Redis has counted nothing of this.
      assert.isTrue((yield* beside.take(key, 1, "1 minute")).allowed)

      yield* relay.heal
      yield* take(key, 3, "1 minute").pipe(
        Effect.repeat({ until: ({ allowed }) => allowed, schedule: Schedule.spaced("20 millis") }),
      )
      assert.isFalse((yield* beside.take(key, 2, "1 minute")).allowed)
    }),
  )
})

describe("RateLimits without a Redis that was ever there", () => {
  it.live("count in the process from the start", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimits
      assert.isTrue((yield* take("key", 1, "1 minute")).allowed)
      assert.isFalse((yield* take("key", 1, "1 minute")).allowed)
    }).pipe(Effect.provide(over("redis://127.0.0.1:1"))),
  )
})
