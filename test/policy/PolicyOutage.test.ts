import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import { PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { Breakers } from "../../src/rollback/Breakers.ts"
import { Recorded } from "../rollback/World.ts"
import { approval, customer, now, sensitive, staff, trial } from "./Requests.ts"
import {
  askedSince,
  atNow,
  away,
  decide,
  Engine,
  engineIs,
  engineIsHonest,
  fiveFailures,
  hour,
  policy,
  sourceOf,
} from "./World.ts"

describe("while the engine is away", () => {
  it.effect("a known decision is used to its stale time and not beyond, and says how old it is", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* engineIs(away)
      yield* TestClock.adjust("299999 millis")
      assert.strictEqual(yield* sourceOf(customer), "cache")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* decide(customer), { source: "stale", ageSeconds: 300 })
      yield* TestClock.adjust("1499999 millis")
      assert.deepInclude(yield* decide(customer), { source: "stale", ageSeconds: 1799.999 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Effect.flip(decide(customer))).slug, "service-unavailable")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("stale only while away: the engine's next answer ends it", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* TestClock.adjust("10 minutes")
      yield* engineIs(away)
      assert.strictEqual(yield* sourceOf(customer), "stale")
      yield* engineIsHonest
      assert.strictEqual(yield* sourceOf(customer), "engine")
      assert.deepInclude(yield* decide(customer), { source: "cache", ageSeconds: 0 })
    }).pipe(Effect.provide(policy())),
  )

  it.effect("no allowance lives longer than its until, stale or not", () =>
    Effect.gen(function* () {
      yield* atNow
      const ends = { ...trial, trial: { mode: true, expires_at: now + 600_000 } }
      yield* decide(ends)
      yield* engineIs(away)
      yield* TestClock.adjust("599999 millis")
      assert.strictEqual(yield* sourceOf(ends), "stale")
      yield* TestClock.adjust("1 millis")
      yield* Effect.flip(decide(ends))
    }).pipe(Effect.provide(policy())),
  )

  it.effect(
    "one bad answer to a query that ten requests shared does not open the circuit for everybody",
    () =>
      Effect.gen(function* () {
        yield* atNow
        const shared = new PolicyUnavailable({ reason: "status", message: "One query, one failure." })
        yield* engineIs(() => Effect.fail(shared))
        for (let n = 0; n < 10; n++) yield* Effect.flip(decide({ ...staff, subject: `stranger-${n}` }))
        const circuit = yield* Breakers.use((breakers) => breakers.of("policy-engine"))
        assert.isTrue(circuit.isClosed())
        yield* engineIs(away)
        for (let n = 0; n < 4; n++) yield* Effect.flip(decide({ ...staff, subject: `other-${n}` }))
        assert.isFalse(circuit.isClosed())
      }).pipe(Effect.provide(policy())),
  )

  it.effect("what nobody knows is refused: 503, closed, with a time to come back", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* engineIs(away)
      for (const request of [customer, sensitive, { ...sensitive, approval }]) {
        const problem = yield* Effect.flip(decide(request))
        assert.strictEqual(problem.status, 503)
        assert.strictEqual(problem.detail, "Policy service unavailable")
        assert.deepStrictEqual(problem.headers, { "retry-after": "1" })
      }
    }).pipe(Effect.provide(policy())),
  )
})

describe("while the circuit is open", () => {
  it.effect("it is one circuit for all routes, opened by 5 failures and put on record", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* engineIs(away)
      yield* fiveFailures
      yield* askedSince
      const problem = yield* Effect.flip(decide(customer))
      assert.strictEqual(yield* askedSince, 0)
      assert.strictEqual(problem.headers?.["retry-after"], "30")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(
        (yield* Recorded).map(({ name, severity }) => ({ name, severity })),
        { name: "circuit_opened", severity: "CRITICAL" },
      )
    }).pipe(Effect.provide(policy())),
  )

  it.effect("known decisions serve, and the engine is not asked", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* TestClock.adjust("10 minutes")
      yield* engineIs(away)
      yield* fiveFailures
      yield* askedSince
      assert.deepInclude(yield* decide(customer), { source: "stale", ageSeconds: 600 })
      assert.strictEqual(yield* askedSince, 0)
    }).pipe(Effect.provide(policy())),
  )

  it.effect("nobody who has a known decision waits for the probe, and the probe closes the circuit", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* TestClock.adjust("10 minutes")
      yield* engineIs(away)
      yield* fiveFailures
      yield* TestClock.adjust("30 seconds")
      const engine = yield* Engine
      const answer = yield* Deferred.make<void>()
      engine.conduct = (request) => Effect.andThen(Deferred.await(answer), engine.honest(request))
      yield* askedSince
      assert.strictEqual(yield* sourceOf(customer), "stale")
      assert.strictEqual(yield* sourceOf(customer), "stale")
      assert.strictEqual(yield* askedSince, 1)
      // Meanwhile it is half open, and nobody else's question is asked.
      assert.strictEqual((yield* Effect.flip(decide(staff))).slug, "service-unavailable")
      yield* Deferred.succeed(answer, undefined)
      yield* Effect.yieldNow
      assert.strictEqual(yield* sourceOf(customer), "cache")
      yield* engineIsHonest
      assert.strictEqual(yield* sourceOf(staff), "engine")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("an operator who forces it open has known decisions used", () =>
    Effect.gen(function* () {
      yield* atNow
      const { force } = yield* Breakers
      yield* decide(customer)
      yield* TestClock.adjust("10 minutes")
      yield* askedSince
      const word = { state: "open", reason: "maintenance", by: "operator-1", until: now + hour } as const
      assert.isTrue(yield* force("policy-engine", word))
      assert.strictEqual(yield* sourceOf(customer), "stale")
      assert.strictEqual((yield* Effect.flip(decide(staff))).slug, "service-unavailable")
      assert.strictEqual(yield* askedSince, 0)
    }).pipe(Effect.provide(policy())),
  )
})

describe("with OPA_FALLBACK=wasm", () => {
  const withFallback = Layer.unwrap(Effect.map(WasmPolicyEngine.make, (fallback) => policy({ fallback })))

  it.effect(
    "who has no known decision gets this process's, approvals included, and it is not remembered",
    () =>
      Effect.gen(function* () {
        yield* atNow
        yield* engineIs(away)
        for (const request of [trial, sensitive, { ...sensitive, approval }, customer]) {
          const verdict = yield* decide(request)
          assert.deepInclude(verdict, { source: "fallback", ageSeconds: 0 })
          assert.deepStrictEqual(verdict.decision, yield* (yield* Engine).honest({ ...request, now }))
        }
        yield* engineIsHonest
        assert.strictEqual(yield* sourceOf(customer), "engine")
      }).pipe(Effect.provide(withFallback)),
  )

  it.effect("a known decision comes first", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* engineIs(away)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* sourceOf(customer), "stale")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* sourceOf(customer), "fallback")
    }).pipe(Effect.provide(withFallback)),
  )

  it.effect("when that fails too it is 503", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* engineIs(away)
      assert.strictEqual((yield* Effect.flip(decide(customer))).slug, "service-unavailable")
    }).pipe(Effect.provide(policy({ fallback: { decide: away, revision: () => undefined } }))),
  )
})
