import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { customer, now, trial } from "./Requests.ts"
import { askedSince, atNow, away, decide, Engine, engineIsHonest, policy, sourceOf } from "./World.ts"

/** So many who ask the same at once, each begun. */
const many = (request: DecisionRequest, count = 100) =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.forkChild(decide(request), { startImmediately: true }),
  )

describe("single flight", () => {
  /** An engine that answers when it is told to. */
  const held = Effect.gen(function* () {
    const engine = yield* Engine
    const answer = yield* Deferred.make<void>()
    engine.conduct = (request) => Effect.andThen(Deferred.await(answer), engine.honest(request))
    return answer
  })
  it.effect("a hundred who ask the same at once are one question, and all get its answer", () =>
    Effect.gen(function* () {
      yield* atNow
      const answer = yield* held
      const askers = yield* many(customer)
      const others = yield* many({ ...customer, subject: "user-2" }, 3)
      yield* Deferred.succeed(answer, undefined)
      const verdicts = yield* Effect.forEach([...askers, ...others], Fiber.join)
      assert.lengthOf(verdicts, 103)
      assert.isTrue(verdicts.every(({ decision, source }) => decision.allow && source === "engine"))
      assert.strictEqual(yield* askedSince, 2)
    }).pipe(Effect.provide(policy())),
  )

  it.effect("an asker who leaves does not take the others' answer away, nor the remembered one", () =>
    Effect.gen(function* () {
      yield* atNow
      const answer = yield* held
      const [first, second] = yield* many(customer, 2)
      assert.isDefined(first)
      assert.isDefined(second)
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(answer, undefined)
      assert.strictEqual((yield* Fiber.join(second)).source, "engine")
      assert.strictEqual(yield* sourceOf(customer), "cache")
      assert.strictEqual(yield* askedSince, 1)
    }).pipe(Effect.provide(policy())),
  )

  it.effect("a failure is everybody's who waited, and nobody's afterwards", () =>
    Effect.gen(function* () {
      yield* atNow
      const engine = yield* Engine
      const answer = yield* Deferred.make<void>()
      engine.conduct = () => Effect.andThen(Deferred.await(answer), away())
      const askers = yield* many(customer, 10)
      yield* Deferred.succeed(answer, undefined)
      for (const asker of askers)
        assert.strictEqual((yield* Effect.flip(Fiber.join(asker))).slug, "service-unavailable")
      assert.strictEqual(yield* askedSince, 1)
      yield* engineIsHonest
      assert.strictEqual(yield* sourceOf(customer), "engine")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("an answer that holds for one request alone is not shared", () =>
    Effect.gen(function* () {
      yield* atNow
      const ended = { ...trial, trial: { mode: true, expires_at: now - 1 } }
      const answer = yield* held
      const askers = yield* many(ended, 3)
      yield* Deferred.succeed(answer, undefined)
      for (const asker of askers) assert.isFalse((yield* Fiber.join(asker)).decision.allow)
      assert.strictEqual(yield* askedSince, 3)
    }).pipe(Effect.provide(policy())),
  )

  it.effect("an answer whose time is over when it comes is not for those who asked after that", () =>
    Effect.gen(function* () {
      yield* atNow
      const answer = yield* held
      const [early] = yield* many(trial, 1)
      assert.isDefined(early)
      yield* TestClock.adjust("60 seconds")
      const [late] = yield* many(trial, 1)
      assert.isDefined(late)
      yield* Deferred.succeed(answer, undefined)
      assert.isTrue((yield* Fiber.join(early)).decision.allow)
      assert.isFalse((yield* Fiber.join(late)).decision.allow)
    }).pipe(Effect.provide(policy())),
  )
})
