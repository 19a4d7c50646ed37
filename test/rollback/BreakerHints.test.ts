import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { BreakerHints } from "../../src/rollback/BreakerHints.ts"
import { breakerOf, breakers, fail, open, succeed, twoInstances } from "./World.ts"

const hear = (kind: "opened" | "closed") =>
  BreakerHints.use(({ publish }) => publish({ kind, dependency: "opa" }))

it.effect("a circuit that opened on another instance opens here at the next failure, and not before", () =>
  Effect.gen(function* () {
    const [one, other] = yield* twoInstances
    const there = yield* Effect.provideContext(breakerOf("opa"), one)
    const here = yield* Effect.provideContext(breakerOf("opa"), other)
    yield* open(there)
    assert.isTrue(here.isClosed())
    yield* fail(here)
    assert.isFalse(here.isClosed())
  }),
)

it.effect("own failures and another instance's opening together open nothing without a failure more", () =>
  Effect.gen(function* () {
    const breaker = yield* breakerOf("opa")
    yield* Effect.repeat(fail(breaker), { times: 3 })
    yield* hear("opened")
    yield* hear("opened")
    assert.isTrue(breaker.isClosed())
    yield* fail(breaker)
    assert.isFalse(breaker.isClosed())
  }).pipe(Effect.provide(breakers())),
)

it.effect("a success shows that another instance's opening was about its own network", () =>
  Effect.gen(function* () {
    const breaker = yield* breakerOf("opa")
    yield* hear("opened")
    yield* succeed(breaker)
    yield* Effect.repeat(fail(breaker), { times: 3 })
    assert.isTrue(breaker.isClosed())
  }).pipe(Effect.provide(breakers())),
)

it.effect("another instance's closing takes its opening back, and nothing that was seen here", () =>
  Effect.gen(function* () {
    const breaker = yield* breakerOf("opa")
    yield* Effect.repeat(fail(breaker), { times: 1 })
    yield* hear("opened")
    yield* hear("closed")
    yield* Effect.repeat(fail(breaker), { times: 1 })
    assert.isTrue(breaker.isClosed())
    yield* hear("closed")
    yield* fail(breaker)
    assert.isFalse(breaker.isClosed())
    yield* hear("closed")
    assert.isFalse(breaker.isClosed())
  }).pipe(Effect.provide(breakers())),
)

it.effect("an open circuit is not moved by another's", () =>
  Effect.gen(function* () {
    const breaker = yield* breakerOf("opa")
    yield* open(breaker)
    yield* TestClock.adjust("29 seconds")
    yield* hear("opened")
    yield* TestClock.adjust("1 second")
    yield* succeed(breaker)
    yield* fail(breaker)
    assert.isTrue(breaker.isClosed())
  }).pipe(Effect.provide(breakers())),
)
