import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../layers/memory/SharedDecisions.ts"
import { customer, staff } from "./Requests.ts"
import {
  askedSince,
  atNow,
  away,
  decide,
  Engine,
  engineIs,
  fiveFailures,
  instance,
  sourceOf,
} from "./World.ts"

describe("two instances", () => {
  const both = Effect.gen(function* () {
    const shared = Layer.succeedContext(yield* Layer.build(MemorySharedDecisions.layer))
    return [yield* instance({ shared }), yield* instance({ shared })] as const
  })

  it.effect("share decisions, which stay as old as they are", () =>
    Effect.gen(function* () {
      yield* atNow
      const [one, other] = yield* both
      yield* Effect.provide(decide(customer), one)
      yield* TestClock.adjust("200 seconds")
      const verdict = yield* Effect.provide(decide(customer), other)
      assert.deepInclude(verdict, { source: "cache", ageSeconds: 200 })
      yield* TestClock.adjust("100 seconds")
      assert.strictEqual((yield* Effect.provide(decide(customer), other)).source, "engine")
      assert.strictEqual(yield* Effect.provide(askedSince, other), 1)
    }),
  )

  it.effect("share them while the engine is away, and while the circuit is open, to the stale time", () =>
    Effect.gen(function* () {
      yield* atNow
      const [one, other] = yield* both
      yield* Effect.forEach([customer, staff], decide).pipe(Effect.provide(one))
      yield* Effect.gen(function* () {
        yield* engineIs(away)
        yield* TestClock.adjust("10 minutes")
        assert.deepInclude(yield* decide(customer), { source: "stale", ageSeconds: 600 })
        yield* fiveFailures
        assert.deepInclude(yield* decide(staff), { source: "stale", ageSeconds: 600 })
        yield* TestClock.adjust("20 minutes")
        yield* Effect.flip(decide(staff))
      }).pipe(Effect.provide(other))
    }),
  )

  it.effect("share nothing between two revisions of the policy", () =>
    Effect.gen(function* () {
      yield* atNow
      const [one, other] = yield* both
      yield* Effect.provide(decide(customer), one)
      yield* Effect.gen(function* () {
        ;(yield* Engine).revision = "another"
        assert.strictEqual(yield* sourceOf(customer), "engine")
      }).pipe(Effect.provide(other))
    }),
  )

  it.effect("each uses the newer of its own and the other's", () =>
    Effect.gen(function* () {
      yield* atNow
      const [one, other] = yield* both
      yield* Effect.provide(decide(customer), one)
      yield* TestClock.adjust("300 seconds")
      yield* Effect.provide(decide(customer), other)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Effect.provide(decide(customer), one), { source: "cache", ageSeconds: 1 })
    }),
  )
})
