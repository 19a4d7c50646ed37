import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { monotonicMillis } from "../../src/primitives/MonotonicTime.ts"
import { makeRevocationMemory } from "../../src/auth/RevocationMemory.ts"
import { RevocationsUnavailable, type Standing } from "../../src/auth/Revocations.ts"

const token = { tokenId: Option.some("token-1"), userId: "user-7", tokenVersion: Option.none() }

/** A memory over a port whose next answers the test says: fresh for 5 seconds, used for 60 while the port is away. */
const makeScene = () => {
  const scene = {
    asked: 0,
    answer: Effect.succeed("current") as Effect.Effect<Standing, RevocationsUnavailable>,
  }
  const memory = makeRevocationMemory({
    port: {
      check: () =>
        Effect.suspend(() => {
          scene.asked++
          return scene.answer
        }),
    },
    freshSeconds: 5,
    staleSeconds: 60,
    capacity: 100,
  })
  return { scene, standing: (digest = "digest") => memory.standing(digest, token), memory }
}
const away = Effect.fail(new RevocationsUnavailable({ cause: "away" }))

describe("while the port answers", () => {
  it.effect("an answer holds for its fresh time, a withdrawal too", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      for (const answer of ["current", "revoked", "version-mismatch"] as const) {
        scene.answer = Effect.succeed(answer)
        scene.asked = 0
        assert.strictEqual(yield* standing(answer), answer)
        yield* TestClock.adjust("4999 millis")
        assert.strictEqual(yield* standing(answer), answer)
        assert.strictEqual(scene.asked, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* standing(answer), answer)
        assert.strictEqual(scene.asked, 2)
      }
    }),
  )

  it.effect("only what was current can be taken for current without asking", () =>
    Effect.gen(function* () {
      const { scene, standing, memory } = makeScene()
      const now = Effect.map(Clock.Clock, monotonicMillis)
      assert.isFalse(memory.isCurrent("digest", yield* now))
      yield* standing()
      assert.isTrue(memory.isCurrent("digest", yield* now))
      yield* TestClock.adjust("5 seconds")
      assert.isFalse(memory.isCurrent("digest", yield* now))
      scene.answer = Effect.succeed("revoked")
      yield* standing()
      assert.isFalse(memory.isCurrent("digest", yield* now))
    }),
  )

  it.effect("an answer is as old as its question", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      scene.answer = Effect.as(Effect.sleep("3 seconds"), "current")
      const slow = yield* Effect.forkChild(standing(), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(slow)
      yield* TestClock.adjust("2 seconds")
      scene.answer = Effect.succeed("revoked")
      assert.strictEqual(yield* standing(), "revoked")
    }),
  )
})

describe("while the port is away", () => {
  it.effect("a known answer holds up to its stale time, then the standing is unknown", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      yield* standing()
      scene.answer = away
      yield* TestClock.adjust("59999 millis")
      assert.strictEqual(yield* standing(), "current")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* standing(), "unknown")
    }),
  )

  it.effect("of a token never asked about nothing is known", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      scene.answer = away
      assert.strictEqual(yield* standing(), "unknown")
    }),
  )

  it.effect.each(["revoked", "version-mismatch"] as const)("what is known to be %s stays so", (answer) =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      scene.answer = Effect.succeed(answer)
      yield* standing()
      scene.answer = away
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* standing(), answer)
    }),
  )

  it.effect("it is asked once a second, not once a request", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      scene.answer = away
      for (let i = 0; i < 10; i++) yield* standing(`token ${i}`)
      assert.strictEqual(scene.asked, 1)
      yield* TestClock.adjust("1 second")
      for (let i = 0; i < 10; i++) yield* standing(`token ${i}`)
      assert.strictEqual(scene.asked, 2)
      yield* TestClock.adjust("1 second")
      scene.answer = Effect.succeed("revoked")
      assert.strictEqual(yield* standing(), "revoked")
      assert.strictEqual(yield* standing("another"), "revoked")
      assert.strictEqual(scene.asked, 4)
    }),
  )

  it.effect("nobody waits for the request that finds out whether it is back", () =>
    Effect.gen(function* () {
      const { scene, standing } = makeScene()
      scene.answer = away
      yield* standing()
      yield* TestClock.adjust("1 second")
      const back = yield* Deferred.make<Standing>()
      scene.answer = Deferred.await(back)
      const probe = yield* Effect.forkChild(standing(), { startImmediately: true })
      assert.strictEqual(yield* standing("another"), "unknown")
      yield* Deferred.succeed(back, "current")
      assert.strictEqual(yield* Fiber.join(probe), "current")
      assert.strictEqual(yield* standing("another"), "current")
    }),
  )
})
