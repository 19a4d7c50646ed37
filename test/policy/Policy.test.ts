import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../layers/memory/SharedDecisions.ts"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { Breakers } from "../../src/rollback/Breakers.ts"
import { Recorded } from "../rollback/World.ts"
import { away, decide, Engine, instance, policy, watched } from "./PolicyWorld.ts"
import { approval, customer, now, sensitive, staff, trial } from "./Requests.ts"

const atNow = TestClock.setTime(now)
const hour = 3_600_000

/** How often the engine was asked since the last time that this was read. */
const askedSince = Engine.useSync(({ asked }) => asked.splice(0).length)

/** Where the decision came from. */
const sourceOf = (request: DecisionRequest) => Effect.map(decide(request), ({ source }) => source)

const engineIs = (conduct: Engine["Service"]["conduct"]) =>
  Engine.useSync((engine) => void (engine.conduct = conduct))
const engineIsHonest = Engine.useSync((engine) => void (engine.conduct = engine.honest))

/** As many as open a circuit, of requests that nobody knows. */
const fiveFailures = Effect.forEach(
  [1, 2, 3, 4, 5],
  (n) => Effect.flip(decide({ ...staff, subject: `stranger-${n}` })),
  { discard: true },
)

const many = (request: DecisionRequest, count = 100) =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.forkChild(decide(request), { startImmediately: true }),
  )

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
    const seen = new Map(
      (yield* Metric.snapshot).map(({ id, attributes, state }) => [
        [id, ...Object.values(attributes ?? {})].join(" "),
        "count" in state ? Number(state.count) : undefined,
      ]),
    )
    const expected = {
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
    }
    for (const [name, count] of Object.entries(expected)) assert.strictEqual(seen.get(name), count, name)
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
