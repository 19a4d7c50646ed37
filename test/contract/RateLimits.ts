import { assert, it } from "@effect/vitest"
import { Duration, Effect, type Layer } from "effect"
import { randomUUID } from "node:crypto"
import { RateLimits } from "../../src/http/RateLimits.ts"

/** Counts for a key that no other test knows. */
const takeAs = (key: string, limit = 3, window: Duration.Input = "1 minute") =>
  RateLimits.use((limits) => limits.take(key, limit, window))
const anyKey = () => `contract:${randomUUID()}`

/** The contract of `RateLimits`, which every layer of it passes. */
export const rateLimitsContract = <E>(world: Layer.Layer<RateLimits, E>): void => {
  it.live("as many as the limit are allowed, and wait for nothing", () =>
    Effect.gen(function* () {
      const key = anyKey()
      for (let i = 0; i < 3; i++) {
        const { allowed, retryAfter } = yield* takeAs(key)
        assert.isTrue(allowed)
        assert.strictEqual(Duration.toMillis(retryAfter), 0)
      }
    }).pipe(Effect.provide(world)),
  )

  it.live("each beyond is not, and hears how long until one is, a window at most", () =>
    Effect.gen(function* () {
      const key = anyKey()
      for (let i = 0; i < 3; i++) yield* takeAs(key)
      for (let i = 0; i < 2; i++) {
        const { allowed, retryAfter } = yield* takeAs(key)
        assert.isFalse(allowed)
        assert.isAbove(Duration.toMillis(retryAfter), 0)
        assert.isAtMost(Duration.toMillis(retryAfter), 60_000)
      }
    }).pipe(Effect.provide(world)),
  )

  it.live("keys do not share a limit", () =>
    Effect.gen(function* () {
      const [key, other] = [anyKey(), anyKey()]
      for (let i = 0; i < 4; i++) yield* takeAs(key)
      assert.isTrue((yield* takeAs(other)).allowed)
    }).pipe(Effect.provide(world)),
  )

  it.live("of many that come at once exactly the limit is allowed", () =>
    Effect.gen(function* () {
      const key = anyKey()
      const taken = yield* Effect.all(
        Array.from({ length: 50 }, () => takeAs(key, 20)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        taken.filter(({ allowed }) => allowed),
        20,
      )
    }).pipe(Effect.provide(world)),
  )

  it.live("who waits as long as it was told is allowed again", () =>
    Effect.gen(function* () {
      const key = anyKey()
      const window = "200 millis"
      assert.isTrue((yield* takeAs(key, 1, window)).allowed)
      const { allowed, retryAfter } = yield* takeAs(key, 1, window)
      assert.isFalse(allowed)
      // What it was told is the condition that is waited for.
      yield* Effect.sleep(retryAfter)
      const again = yield* takeAs(key, 1, window).pipe(
        Effect.repeat({ until: (taken) => taken.allowed, times: 5 }),
      )
      assert.isTrue(again.allowed)
    }).pipe(Effect.provide(world)),
  )
}
