import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryBreakerHints from "../../layers/memory/BreakerHints.ts"
import { BreakerHints, BreakerHintsUnavailable } from "../../src/rollback/BreakerHints.ts"
import { Breakers, CircuitOpen, type Forced } from "../../src/rollback/Breakers.ts"
import {
  breakerOf,
  breakers,
  fail,
  Failed,
  instanceWith,
  open,
  Recorded,
  refusal,
  succeed,
  twoInstances,
} from "./World.ts"

/** Forces for ten minutes from now. */
const force = (state: Forced["state"], dependency = "opa") =>
  Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + 600_000
    return yield* Breakers.use((_) =>
      _.force(dependency, { state, reason: "An exercise.", by: "staff-2", until }),
    )
  })
const release = (dependency = "opa") => Breakers.use((_) => _.release(dependency, "staff-3"))
const list = Breakers.use((_) => _.list)

describe("forced open", () => {
  it.effect("no call is made until the time is over, though the dependency works", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      assert.isTrue(yield* force("open"))
      assert.isFalse(breaker.isClosed())
      assert.deepStrictEqual(
        yield* refusal(breaker),
        Option.some(new CircuitOpen({ dependency: "opa", retryAfter: Duration.minutes(10) })),
      )
      yield* TestClock.adjust("599999 millis")
      assert.isFalse(breaker.isClosed())
      yield* TestClock.adjust("1 millis")
      assert.isTrue(breaker.isClosed())
      yield* succeed(breaker)
    }).pipe(Effect.provide(breakers())),
  )

  it.effect("it is as it was when an operator releases it", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      yield* Effect.repeat(fail(breaker), { times: 3 })
      yield* force("open")
      assert.isTrue(yield* release())
      assert.isTrue(breaker.isClosed())
      yield* fail(breaker)
      assert.isFalse(breaker.isClosed())
    }).pipe(Effect.provide(breakers())),
  )
})

describe("forced closed", () => {
  it.effect("every call is made, failures are counted, and it judges as if nothing were forced", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      yield* open(breaker)
      yield* force("closed")
      assert.isTrue(breaker.isClosed())
      for (let i = 0; i < 10; i++) assert.instanceOf(yield* fail(breaker), Failed)
      const [status] = yield* list
      assert.strictEqual(status?.state, "closed")
      assert.strictEqual(status?.judged, "open")
      assert.strictEqual(status?.failures, 15)
      assert.isTrue(Option.exists(status?.forced ?? Option.none(), ({ by }) => by === "staff-2"))

      yield* release()
      assert.isFalse(breaker.isClosed())
    }).pipe(Effect.provide(breakers())),
  )

  it.effect("a success when a probe is due closes it for good", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      yield* open(breaker)
      yield* force("closed")
      yield* succeed(breaker)
      assert.strictEqual((yield* list)[0]?.judged, "open")
      yield* TestClock.adjust("30 seconds")
      yield* succeed(breaker)
      assert.strictEqual((yield* list)[0]?.judged, "closed")
      yield* release()
      assert.isTrue(breaker.isClosed())
    }).pipe(Effect.provide(breakers())),
  )

  it.effect("it opens by itself underneath, and that holds when the time is over", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      yield* force("closed")
      yield* TestClock.adjust("599 seconds")
      yield* open(breaker)
      assert.isTrue(breaker.isClosed())
      yield* TestClock.adjust("1 second")
      assert.isFalse(breaker.isClosed())
    }).pipe(Effect.provide(breakers())),
  )
})

describe("an operator's word", () => {
  it.effect("is no word about what nobody depends on", () =>
    Effect.gen(function* () {
      yield* breakerOf("opa")
      assert.isFalse(yield* force("open", "oops"))
      assert.isFalse(yield* release("oops"))
      assert.lengthOf(yield* list, 1)
    }).pipe(Effect.provide(breakers())),
  )

  it.effect("gives way to the next", () =>
    Effect.gen(function* () {
      const breaker = yield* breakerOf("opa")
      yield* force("open")
      yield* TestClock.adjust("5 minutes")
      yield* force("closed")
      assert.isTrue(breaker.isClosed())
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual(Option.getOrThrow((yield* list)[0]?.forced ?? Option.none()).state, "closed")
    }).pipe(Effect.provide(breakers())),
  )

  it.effect("holds on the other instances too, its release as well, and is on record once", () =>
    Effect.gen(function* () {
      const [one, other] = yield* twoInstances
      const on = Effect.provideContext
      const [here, there] = [yield* on(breakerOf("opa"), one), yield* on(breakerOf("opa"), other)]
      yield* on(force("open"), one)
      assert.isFalse(there.isClosed())
      yield* on(release(), other)
      assert.isTrue(here.isClosed())
      yield* on(force("open"), other)
      assert.isFalse(here.isClosed())
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(here.isClosed())
      assert.isTrue(there.isClosed())
      const recorded = [one, other].flatMap((instance) =>
        Context.get(instance, Recorded).map(({ name, details }) => `${name} ${String(details["by"])}`),
      )
      assert.deepStrictEqual(recorded.toSorted(), [
        "circuit_forced staff-2",
        "circuit_forced staff-2",
        "circuit_released expiry",
        "circuit_released expiry",
        "circuit_released staff-3",
      ])
    }),
  )

  it.effect("holds where nobody has asked for the dependency yet, and on an instance that starts later", () =>
    Effect.gen(function* () {
      const hints = yield* Layer.build(MemoryBreakerHints.layer)
      const one = yield* instanceWith(hints)
      const idle = yield* instanceWith(hints)
      yield* Effect.provideContext(breakerOf("opa"), one)
      yield* Effect.provideContext(force("open"), one)
      const late = yield* instanceWith(hints)
      for (const instance of [idle, late]) {
        assert.isFalse((yield* Effect.provideContext(breakerOf("opa"), instance)).isClosed())
      }
    }),
  )

  it.effect("is later than every word known here, though another instance's clock is ahead", () =>
    Effect.gen(function* () {
      const hints = yield* Layer.build(MemoryBreakerHints.layer)
      const instance = yield* instanceWith(hints)
      const breaker = yield* Effect.provideContext(breakerOf("opa"), instance)
      const ahead = 3_600_000
      yield* Context.get(hints, BreakerHints).publish({
        kind: "forced",
        dependency: "opa",
        at: ahead,
        forced: Option.some({ state: "open", reason: "", by: "staff-2", since: ahead, until: ahead * 2 }),
      })
      assert.isFalse(breaker.isClosed())
      yield* Effect.provideContext(release(), instance)
      assert.isTrue(breaker.isClosed())
      // Who starts now must not hear of what was released.
      const late = yield* instanceWith(hints)
      assert.isTrue((yield* Effect.provideContext(breakerOf("opa"), late)).isClosed())
    }),
  )

  it.effect("holds here while the others cannot be reached, and is said to them when they can", () =>
    Effect.gen(function* () {
      const hints = yield* Layer.build(MemoryBreakerHints.layer)
      const { publish, listen } = Context.get(hints, BreakerHints)
      let isAway = true
      const unsteady = Context.make(BreakerHints, {
        publish: (hint) =>
          Effect.suspend(() =>
            isAway ? Effect.fail(new BreakerHintsUnavailable({ cause: "away" })) : publish(hint),
          ),
        listen,
      })
      const [one, other] = [yield* instanceWith(unsteady), yield* instanceWith(hints)]
      const here = yield* Effect.provideContext(breakerOf("opa"), one)
      const there = yield* Effect.provideContext(breakerOf("opa"), other)
      yield* Effect.provideContext(force("open"), one)
      assert.isFalse(here.isClosed())
      yield* TestClock.adjust("1 minute")
      assert.isTrue(there.isClosed())
      isAway = false
      yield* TestClock.adjust("1 second")
      assert.isFalse(there.isClosed())
    }),
  )
})
