import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { Breakers } from "../../src/rollback/Breakers.ts"
import { metricsOf } from "../Metrics.ts"
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
  watched,
} from "./World.ts"

describe("while the engine answers", () => {
  it.effect("a decision is used for its fresh time and no longer, allowance or denial", () =>
    Effect.gen(function* () {
      yield* atNow
      for (const request of [customer, { ...staff, permission: "customer.view" }]) {
        const first = yield* decide(request)
        assert.deepStrictEqual([first.source, first.ageSeconds], ["engine", 0])
        yield* TestClock.adjust("299999 millis")
        const again = yield* decide(request)
        assert.deepStrictEqual([again.source, again.ageSeconds], ["cache", 299.999])
        assert.deepStrictEqual(again.decision, first.decision)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* sourceOf(request), "engine")
        assert.strictEqual(yield* askedSince, 2)
      }
    }).pipe(Effect.provide(policy())),
  )

  it.effect("a decision serves its own request alone", () =>
    Effect.gen(function* () {
      yield* atNow
      const get = { ...customer, method: "GET" }
      yield* decide(get)
      const others: ReadonlyArray<DecisionRequest> = [
        { ...get, method: "DELETE" },
        { ...get, method: "HEAD" },
        { ...get, customer_id: "customer-2" },
        { ...get, subject: "user-2" },
        { ...get, roles: ["customer", "governor"], is_governor: true },
        { ...get, resource: "/api/v1/agents/agent-2/execute" },
        { ...get, agent_id: "agent-2" },
        { ...get, closed_to_trials: true },
      ]
      for (const other of others) assert.strictEqual(yield* sourceOf(other), "engine", JSON.stringify(other))
    }).pipe(Effect.provide(policy())),
  )

  it.effect("until respected: an allowance ends with the trial, to the millisecond", () =>
    Effect.gen(function* () {
      yield* atNow
      assert.isTrue((yield* decide(trial)).decision.allow)
      yield* TestClock.adjust("59999 millis")
      assert.deepInclude(yield* decide(trial), { source: "cache", ageSeconds: 59.999 })
      yield* TestClock.adjust("1 millis")
      const ended = yield* decide(trial)
      assert.strictEqual(ended.source, "engine")
      assert.deepStrictEqual(ended.decision.reasons, [{ code: "trial-expired", expires_at: now + 60_000 }])
      // A denial that an extension would lift is not remembered.
      assert.strictEqual(yield* sourceOf(trial), "engine")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("a trial that ends earlier in another token does not live on the longer one's allowance", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide({ ...trial, trial: { mode: true, expires_at: now + hour } })
      yield* TestClock.adjust("60 seconds")
      assert.isFalse((yield* decide(trial)).decision.allow)
      assert.isFalse((yield* decide({ ...trial, trial: { mode: true, expires_at: null } })).decision.allow)
    }).pipe(Effect.provide(policy())),
  )

  it.effect("nothing with an action or an approval is remembered, here or elsewhere", () =>
    Effect.gen(function* () {
      yield* atNow
      const keys: Array<string> = []
      yield* Effect.gen(function* () {
        for (const request of [sensitive, { ...sensitive, approval }, { ...customer, approval }]) {
          assert.strictEqual(yield* sourceOf(request), "engine")
          assert.strictEqual(yield* sourceOf(request), "engine")
          assert.strictEqual(yield* askedSince, 2)
        }
        assert.isEmpty(keys)
        // Nor is what was remembered of the same request without them used.
        yield* decide(customer)
        assert.isNotEmpty(keys)
        assert.strictEqual(yield* sourceOf({ ...customer, action: "data.export" }), "engine")
      }).pipe(Effect.provide(policy({ shared: watched(keys) })))
    }),
  )

  it.effect("a new revision of the policy empties it, wherever it is", () =>
    Effect.gen(function* () {
      yield* atNow
      const engine = yield* Engine
      yield* decide(customer)
      engine.revision = "another"
      assert.strictEqual(yield* sourceOf(customer), "engine")
      assert.strictEqual(yield* sourceOf(customer), "cache")
      // Also while nobody can be asked.
      engine.revision = "a third"
      engine.conduct = away
      assert.strictEqual((yield* Effect.flip(decide(customer))).slug, "service-unavailable")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("a decision during which the revision changed is given and not remembered", () =>
    Effect.gen(function* () {
      yield* atNow
      const engine = yield* Engine
      engine.conduct = (request) =>
        Effect.suspend(() => {
          engine.revision = `after ${engine.asked.length}`
          return engine.honest(request)
        })
      assert.strictEqual(yield* sourceOf(customer), "engine")
      assert.strictEqual(yield* sourceOf(customer), "engine")
      engine.conduct = engine.honest
      assert.strictEqual(yield* sourceOf(customer), "engine")
      assert.strictEqual(yield* sourceOf(customer), "cache")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("the first decision names the revision under which it is remembered", () =>
    Effect.gen(function* () {
      yield* atNow
      const engine = yield* Engine
      engine.revision = undefined
      engine.conduct = (request) =>
        Effect.suspend(() => {
          engine.revision = "first"
          return engine.honest(request)
        })
      yield* decide(customer)
      assert.strictEqual(yield* sourceOf(customer), "cache")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("OPA_CACHE_TTL_SECONDS=0 remembers nothing", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      assert.strictEqual(yield* sourceOf(customer), "engine")
      yield* engineIs(away)
      yield* Effect.flip(decide(customer))
    }).pipe(Effect.provide(policy({ env: { OPA_CACHE_TTL_SECONDS: "0" } }))),
  )

  it.effect("errors are never remembered", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* engineIs(away)
      yield* Effect.flip(decide(customer))
      yield* engineIsHonest
      assert.strictEqual(yield* sourceOf(customer), "engine")
    }).pipe(Effect.provide(policy())),
  )

  it.effect("what was decided in the future of a clock that was set back is not used", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now + hour)
      yield* decide(customer)
      yield* atNow
      assert.strictEqual(yield* sourceOf(customer), "engine")
      assert.strictEqual(yield* sourceOf(customer), "cache")
    }).pipe(Effect.provide(policy())),
  )
})

describe("in process (OPA_LAYER=wasm)", () => {
  const inProcess = policy({ env: { OPA_LAYER: "wasm" } })

  it.effect("decisions are remembered here, are not shared, and no circuit opens", () =>
    Effect.gen(function* () {
      yield* atNow
      const keys: Array<string> = []
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* sourceOf(customer), "engine")
        assert.strictEqual(yield* sourceOf(customer), "cache")
        yield* engineIs(away)
        yield* fiveFailures
        yield* engineIsHonest
        assert.strictEqual(yield* sourceOf(staff), "engine")
        assert.isEmpty(yield* (yield* Breakers).list)
      }).pipe(Effect.provide(policy({ env: { OPA_LAYER: "wasm" }, shared: watched(keys) })))
      assert.isEmpty(keys)
    }),
  )

  it.effect("what the engine breaks off on is served stale, else 503", () =>
    Effect.gen(function* () {
      yield* atNow
      yield* decide(customer)
      yield* engineIs(away)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* sourceOf(customer), "stale")
      assert.strictEqual((yield* Effect.flip(decide(staff))).slug, "service-unavailable")
    }).pipe(Effect.provide(inProcess)),
  )
})

it.effect("decisions are counted by source and outcome, lookups by level, and the engine is timed", () =>
  Effect.gen(function* () {
    yield* atNow
    yield* decide(customer)
    yield* decide(customer)
    yield* decide({ ...staff, permission: "customer.view" })
    yield* engineIs(away)
    yield* decide(customer)
    yield* Effect.flip(decide(staff))
    yield* TestClock.adjust("10 minutes")
    yield* decide(customer)
    assert.deepInclude(yield* metricsOf("gateway_policy"), {
      "gateway_policy_decisions_total engine allowed": 1,
      "gateway_policy_decisions_total engine denied": 1,
      "gateway_policy_decisions_total cache allowed": 2,
      "gateway_policy_decisions_total stale allowed": 1,
      "gateway_policy_decisions_total none unavailable": 1,
      "gateway_policy_cache_lookups_total l1 hit": 2,
      "gateway_policy_cache_lookups_total l1 miss": 4,
      "gateway_policy_cache_lookups_total l2 hit": 0,
      "gateway_policy_cache_lookups_total l2 miss": 4,
      "gateway_policy_engine_duration_seconds decided": 2,
      "gateway_policy_engine_duration_seconds failed": 2,
    })
  }).pipe(Effect.provide(policy()), Effect.provideService(Metric.MetricRegistry, new Map())),
)

it.effect("asking is lazy: what was built and not run asks nobody", () =>
  Effect.gen(function* () {
    const { decide: ask } = yield* Policy
    const asking = ask(customer)
    assert.strictEqual(yield* askedSince, 0)
    yield* asking
    yield* asking
    assert.strictEqual(yield* askedSince, 1)
  }).pipe(Effect.provide(policy())),
)
