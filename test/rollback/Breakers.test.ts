import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { type Breaker, Breakers, CircuitOpen } from "../../src/rollback/Breakers.ts"
import { breakerOf, breakers, fail, Failed, open, refusal, succeed } from "./World.ts"

const statusOf = (dependency: string) =>
  Effect.map(
    Breakers.use(({ list }) => list),
    (all) => all.find((status) => status.dependency === dependency) ?? assert.fail(`no ${dependency}`),
  )

const withBreaker = <A, E>(test: (breaker: Breaker) => Effect.Effect<A, E, Breakers>) =>
  Effect.flatMap(breakerOf("opa"), test).pipe(Effect.provide(breakers()))

/** With an open circuit that is due for a probe. */
const whenDue = <A, E>(test: (breaker: Breaker) => Effect.Effect<A, E, Breakers>) =>
  withBreaker((breaker) =>
    Effect.gen(function* () {
      yield* open(breaker)
      yield* TestClock.adjust("30 seconds")
      yield* test(breaker)
    }),
  )

describe("a closed circuit", () => {
  it.effect("opens at the fifth failure in a row, and then makes no call for 30 seconds", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        for (let i = 0; i < 4; i++) {
          assert.instanceOf(yield* fail(breaker), Failed)
          assert.isTrue(breaker.isClosed())
        }
        assert.instanceOf(yield* fail(breaker), Failed)
        assert.isFalse(breaker.isClosed())
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          yield* refusal(breaker),
          Option.some(new CircuitOpen({ dependency: "opa", retryAfter: Duration.seconds(20) })),
        )
        yield* TestClock.adjust("19999 millis")
        assert.isTrue(Option.isSome(yield* refusal(breaker)))
        yield* TestClock.adjust("1 millis")
        assert.isTrue(Option.isNone(yield* refusal(breaker)))
      }),
    ),
  )

  it.effect("begins to count anew with each success", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        for (let i = 0; i < 4; i++) yield* fail(breaker)
        assert.strictEqual((yield* statusOf("opa")).failures, 4)
        yield* succeed(breaker)
        assert.strictEqual((yield* statusOf("opa")).failures, 0)
        for (let i = 0; i < 4; i++) yield* fail(breaker)
        assert.isTrue(breaker.isClosed())
        yield* fail(breaker)
        assert.isFalse(breaker.isClosed())
      }),
    ),
  )

  it.effect("counts a defect, and no failure that shows nothing of the dependency", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        const refused = breaker.protect(
          Effect.fail(new Failed({ harmless: true })),
          ({ harmless }) => harmless !== true,
        )
        yield* Effect.repeat(Effect.flip(refused), { times: 9 })
        assert.strictEqual((yield* statusOf("opa")).failures, 0)
        yield* Effect.repeat(Effect.exit(breaker.protect(Effect.die("defect"), () => false)), { times: 4 })
        assert.isFalse(breaker.isClosed())
      }),
    ),
  )

  it.effect("learns nothing from a call that is interrupted", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        yield* Effect.repeat(fail(breaker), { times: 3 })
        for (let i = 0; i < 5; i++) {
          yield* Fiber.interrupt(
            yield* Effect.forkChild(breaker.protect(Effect.never), { startImmediately: true }),
          )
        }
        assert.isTrue(breaker.isClosed())
        yield* fail(breaker)
        assert.isFalse(breaker.isClosed())
      }),
    ),
  )

  it.effect("learns nothing from what was begun before it last opened", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<void, Failed>()
        const late = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 10 }, () => Effect.exit(breaker.protect(Deferred.await(answer)))),
            {
              concurrency: "unbounded",
            },
          ),
          { startImmediately: true },
        )
        yield* open(breaker)
        yield* TestClock.adjust("30 seconds")
        // It is due for a probe, and these are none.
        yield* Deferred.fail(answer, new Failed({}))
        yield* Fiber.join(late)
        yield* succeed(breaker)
        assert.isTrue(breaker.isClosed())
        assert.strictEqual((yield* statusOf("opa")).failures, 0)
      }),
    ),
  )

  it.effect("is one for all who ask for it, and another for another dependency", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* breakerOf("opa"), breaker)
        const plant = yield* breakerOf("plant")
        yield* open(breaker)
        assert.isTrue(plant.isClosed())
        assert.deepStrictEqual(
          (yield* Breakers.use(({ list }) => list)).map(({ dependency, state }) => [dependency, state]),
          [
            ["opa", "open"],
            ["plant", "closed"],
          ],
        )
      }),
    ),
  )
})

describe("after 30 seconds", () => {
  it.effect("of a hundred calls at once exactly one probes", () =>
    whenDue((breaker) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<void>()
        let made = 0
        const call = breaker.protect(
          Effect.suspend(() => {
            made++
            return Deferred.await(answer)
          }),
        )
        const calls = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 100 }, () => Effect.result(call)),
            { concurrency: "unbounded" },
          ),
          { startImmediately: true },
        )
        assert.isFalse(breaker.isClosed())
        assert.strictEqual((yield* statusOf("opa")).state, "half-open")
        yield* Deferred.succeed(answer, undefined)
        const refused = (yield* Fiber.join(calls)).filter(({ _tag }) => _tag === "Failure")
        assert.strictEqual(made, 1)
        assert.lengthOf(refused, 99)
        assert.isTrue(breaker.isClosed())
      }),
    ),
  )

  it.effect("who comes while it is probed hears to come again in a second", () =>
    whenDue((breaker) =>
      Effect.gen(function* () {
        yield* Effect.forkChild(breaker.protect(Effect.never), { startImmediately: true })
        assert.deepStrictEqual(
          yield* refusal(breaker),
          Option.some(new CircuitOpen({ dependency: "opa", retryAfter: Duration.seconds(1) })),
        )
      }),
    ),
  )

  it.effect("a success closes it, with nothing left of what was counted", () =>
    whenDue((breaker) =>
      Effect.gen(function* () {
        yield* succeed(breaker)
        assert.isTrue(breaker.isClosed())
        yield* Effect.repeat(fail(breaker), { times: 3 })
        assert.isTrue(breaker.isClosed())
      }),
    ),
  )

  it.effect("a failure opens it for another 30", () =>
    whenDue((breaker) =>
      Effect.gen(function* () {
        assert.instanceOf(yield* fail(breaker), Failed)
        yield* TestClock.adjust("29 seconds")
        assert.deepStrictEqual(
          yield* refusal(breaker),
          Option.some(new CircuitOpen({ dependency: "opa", retryAfter: Duration.seconds(1) })),
        )
        yield* TestClock.adjust("1 second")
        yield* succeed(breaker)
        assert.isTrue(breaker.isClosed())
      }),
    ),
  )

  it.effect(
    "a probe that is interrupted, or shows nothing of the dependency, leaves its place to the next",
    () =>
      whenDue((breaker) =>
        Effect.gen(function* () {
          yield* Fiber.interrupt(
            yield* Effect.forkChild(breaker.protect(Effect.never), { startImmediately: true }),
          )
          assert.isFalse(breaker.isClosed())
          yield* Effect.flip(breaker.protect(Effect.fail("harmless"), () => false))
          assert.isFalse(breaker.isClosed())
          yield* succeed(breaker)
          assert.isTrue(breaker.isClosed())
        }),
      ),
  )

  it.effect(
    "a probe of which nothing is heard for 30 seconds does so too, and is not listened to any more",
    () =>
      whenDue((breaker) =>
        Effect.gen(function* () {
          const answer = yield* Deferred.make<void, Failed>()
          const slow = yield* Effect.forkChild(Effect.flip(breaker.protect(Deferred.await(answer))), {
            startImmediately: true,
          })
          yield* TestClock.adjust("29 seconds")
          assert.isTrue(Option.isSome(yield* refusal(breaker)))
          yield* TestClock.adjust("1 second")
          yield* succeed(breaker)
          yield* Deferred.fail(answer, new Failed({}))
          yield* Fiber.join(slow)
          assert.isTrue(breaker.isClosed())
          assert.strictEqual((yield* statusOf("opa")).failures, 0)
        }),
      ),
  )

  it.effect("a clock that is set back makes nobody wait longer", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(86_400_000)
        yield* open(breaker)
        yield* TestClock.adjust("30 seconds")
        yield* TestClock.setTime(0)
        yield* succeed(breaker)
        assert.isTrue(breaker.isClosed())
      }),
    ),
  )
})

describe("a call whose outcome is known before its end", () => {
  it.effect("says it once, and later words are not heard", () =>
    withBreaker((breaker) =>
      Effect.gen(function* () {
        const begin = () => {
          const admission = breaker.admit()
          return admission instanceof CircuitOpen ? assert.fail("refused") : admission
        }
        for (let i = 0; i < 5; i++) {
          const call = begin()
          call.succeeded()
          call.failed()
          call.ended()
        }
        assert.isTrue(breaker.isClosed())
        for (let i = 0; i < 5; i++) {
          const call = begin()
          call.failed()
          call.succeeded()
        }
        assert.instanceOf(breaker.admit(), CircuitOpen)
        yield* TestClock.adjust("30 seconds")
        const probe = begin()
        assert.instanceOf(breaker.admit(), CircuitOpen)
        probe.succeeded()
        assert.isTrue(breaker.isClosed())
      }),
    ),
  )
})
