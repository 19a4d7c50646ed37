import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Option, Random } from "effect"
import { TestClock } from "effect/testing"
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import * as WasmShadowPolicy from "../../layers/wasm/ShadowPolicy.ts"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import type { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { type PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { Shadow, ShadowPolicy } from "../../src/policy/Shadow.ts"
import { ShadowReport } from "../../src/policy/ShadowReport.ts"
import { configured } from "../auth/World.ts"
import { compiledPolicy } from "../layers/wasm/Compiled.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { customer, now, sensitive, staff, trial } from "./Requests.ts"

type Decide = PolicyEngine["Service"]["decide"]

/** Shadow mode beside the compiled policy, as the environment configures it. */
const scene = (
  env: Readonly<Record<string, string>>,
  policy: Layer.Layer<ShadowPolicy, ConfigFaults, GatewayConfig>,
) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      Shadow.layer.pipe(
        Layer.provide(policy),
        Layer.provide(configured({ POLICY_SHADOW_SAMPLE: "1", ...env })),
      ),
    )
    const active = yield* WasmPolicyEngine.make
    const { beside } = Context.get(context, Shadow)
    const from = (source: string) =>
      beside((request: DecisionRequest) =>
        Effect.map(active.decide(request), (decision) => ({ decision, source })),
      )
    return {
      active: active.decide,
      from,
      decide: from("engine"),
      /** Once everything that waits was compared: a comparison a turn of the clock, 65 at most. */
      findings: Effect.gen(function* () {
        yield* Effect.repeat(TestClock.adjust("1 minute"), { times: 65 })
        return Option.getOrThrow(yield* Context.get(context, ShadowReport).read)
      }),
    }
  })

/** Beside an engine that decides like this. */
const besideEngine = (decide: Decide, env: Readonly<Record<string, string>> = {}) =>
  scene(env, Layer.succeed(ShadowPolicy, Option.some({ decide, revision: () => "next" })))

/** A bundle like the compiled one, changed. */
const bundle = (change: (directory: string) => void) =>
  Effect.tap(temporaryFolder, (directory) =>
    Effect.sync(() => {
      cpSync(compiledPolicy, directory, { recursive: true })
      change(directory)
    }),
  )

/** Viewers may not see agents any more. */
const stricter = bundle((directory) => {
  const file = join(directory, "data.json")
  const data = JSON.parse(readFileSync(file, "utf8"))
  data.gateway.revision = "stricter"
  data.gateway.tables.permission_roles["agent.view"] = ["agent_orchestrator"]
  writeFileSync(file, JSON.stringify(data))
})

describe("a second policy", () => {
  it.effect("is asked what the active one decided, and where they disagree is counted by rule", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const directory = yield* stricter
      const { decide, findings } = yield* scene({ POLICY_SHADOW_DIR: directory }, WasmShadowPolicy.layer)
      for (const request of [staff, customer, staff, trial, sensitive]) yield* decide(request)
      yield* decide({ ...staff, method: "HEAD", roles: ["viewer", "helpdesk_agent"] })
      const found = yield* findings
      const rule = "allow:production -> deny:permission-denied"
      assert.deepInclude(found, { revision: "stricter", since: now, sampled: 6, disagreements: 3 })
      assert.deepStrictEqual(found.byRule, { [rule]: 3 })
      const { portal, route, method, roles } = staff
      const example = {
        at: now,
        portal,
        route,
        method,
        roles,
        active: "allow:production",
        shadow: "deny:permission-denied",
      }
      assert.deepStrictEqual(found.examples, [
        { ...example, method: "HEAD", roles: ["viewer", "helpdesk_agent"] },
        example,
        example,
      ])
    }),
  )

  it.effect("disagrees by allowance, by the first reason, or by the backend, and by nothing else", () =>
    Effect.gen(function* () {
      const permitted: Decision = {
        allow: true,
        reasons: [],
        obligations: {
          target_backend: "production",
          consume_approval: false,
          budget_override: false,
          role_level: null,
        },
        permission: null,
        required_roles: [],
        cache: { allowed: true, until: null },
      }
      const { decide, findings } = yield* besideEngine((request) =>
        Effect.succeed(
          request.closed_to_trials
            ? { ...permitted, allow: false, obligations: {}, reasons: [{ code: "trial-closed-route" }] }
            : { ...permitted, obligations: { ...permitted.obligations, role_level: 7 } },
        ),
      )
      yield* decide(customer)
      yield* decide(trial)
      yield* decide({ ...trial, closed_to_trials: true })
      yield* decide({ ...trial, closed_to_trials: true, trial: { mode: true, expires_at: now } })
      yield* decide(sensitive)
      const { sampled, byRule } = yield* findings
      assert.strictEqual(sampled, 5)
      assert.deepStrictEqual(byRule, {
        "allow:sandbox -> allow:production": 1,
        "deny:trial-expired -> deny:trial-closed-route": 1,
        "deny:approval-required -> allow:production": 1,
      })
    }),
  )

  it.effect("shows nothing of who was asked about", () =>
    Effect.gen(function* () {
      const { decide, findings } = yield* besideEngine(refuses)
      const personal = { subject: "Ada", customer_id: "Babbage", resource: "/Lovelace", agent_id: "Engine" }
      yield* decide({ ...customer, ...personal })
      const text = JSON.stringify(yield* findings)
      for (const value of Object.values(personal)) assert.notInclude(text, value)
      assert.include(text, customer.route)
    }),
  )

  it.effect("keeps the last fifty examples, the newest first", () =>
    Effect.gen(function* () {
      const { decide, findings } = yield* besideEngine(refuses)
      for (let n = 0; n < 60; n++) {
        yield* decide({ ...customer, route: `/${n}` })
        yield* findings
      }
      const { examples, disagreements } = yield* findings
      assert.strictEqual(disagreements, 60)
      assert.deepStrictEqual(
        examples.map(({ route }) => route),
        Array.from({ length: 50 }, (_, n) => `/${59 - n}`),
      )
    }),
  )

  it.effect("is asked a share of the decisions", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* sampledOf("0"), 0)
      assert.strictEqual(yield* sampledOf("1"), 400)
      const quarter = yield* sampledOf("0.25")
      assert.isAbove(quarter, 60)
      assert.isBelow(quarter, 140)
    }),
  )

  it.effect("is asked what the active policy said, now or before, and not what stood in for it", () =>
    Effect.gen(function* () {
      const { from, findings } = yield* besideEngine(refuses)
      for (const source of ["stale", "fallback"]) yield* from(source)(customer)
      assert.strictEqual((yield* findings).sampled, 0)
      for (const source of ["engine", "cache"]) yield* from(source)(customer)
      assert.strictEqual((yield* findings).sampled, 2)
    }),
  )
})

const refuses: Decide = () =>
  Effect.fail(new PolicyUnavailable({ reason: "undefined", message: "It yielded nothing." }))

const sampledOf = Effect.fnUntraced(function* (share: string) {
  const { decide, findings } = yield* besideEngine(refuses, { POLICY_SHADOW_SAMPLE: share })
  for (let n = 0; n < 400; n++) {
    yield* decide(customer)
    // Not more than can wait.
    if (n % 50 === 0) yield* findings
  }
  return (yield* findings).sampled
}, Random.withSeed("shadow"))

describe("no answer is touched", () => {
  const conducts: ReadonlyArray<readonly [name: string, conduct: Decide, rule: string | undefined]> = [
    ["yields nothing", refuses, "allow:production -> failed:undefined"],
    ["traps", () => Effect.die(new Error("unreachable executed")), "allow:production -> failed:defect"],
    ["throws", () => throwing(), "allow:production -> failed:defect"],
    ["never ends", () => Effect.never, undefined],
  ]
  it.effect.each(conducts)("when it %s", ([, conduct, rule]) =>
    Effect.gen(function* () {
      const { decide, active, findings } = yield* besideEngine(conduct)
      for (let n = 0; n < 3; n++) {
        const { decision, source } = yield* decide(customer)
        assert.deepStrictEqual(decision, yield* active(customer))
        assert.strictEqual(source, "engine")
      }
      assert.deepStrictEqual((yield* findings).byRule, rule === undefined ? {} : { [rule]: 3 })
    }),
  )

  it.effect(
    "when it is slow: what waits for it is bounded, and it rests nineteen times as long as it takes",
    () =>
      Effect.gen(function* () {
        let begun = 0
        const { decide, findings } = yield* besideEngine((request) =>
          Effect.suspend(() => {
            begun++
            return Effect.delay(refuses(request), "100 millis")
          }),
        )
        for (let n = 0; n < 1000; n++) yield* decide(customer)
        yield* TestClock.adjust("1999 millis")
        assert.strictEqual(begun, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(begun, 2)
        assert.isAtMost((yield* findings).sampled, 65)
      }),
  )

  it.effect("when the active policy fails, its failure is what is answered", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const context = yield* Layer.build(
        Shadow.layer.pipe(
          Layer.provide(
            Layer.succeed(
              ShadowPolicy,
              Option.some({
                decide: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never),
                revision: () => "next",
              }),
            ),
          ),
          Layer.provide(configured({ POLICY_SHADOW_SAMPLE: "1" })),
        ),
      )
      const failing = Context.get(context, Shadow).beside(undecided)
      assert.strictEqual(yield* Effect.flip(failing(customer)), "Nobody decides.")
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* Deferred.isDone(asked))
    }),
  )
})

const throwing = (): never => {
  throw new Error("It throws.")
}

const undecided = () => Effect.fail("Nobody decides.")

describe("POLICY_SHADOW_DIR", () => {
  it.effect("unset costs nothing: who decides is given back as it is, and there is nothing to report", () =>
    Effect.gen(function* () {
      const { beside } = yield* Shadow
      assert.strictEqual(beside(undecided), undecided)
      assert.isTrue(Option.isNone(yield* (yield* ShadowReport).read))
    }).pipe(
      Effect.provide(Shadow.layer.pipe(Layer.provide([WasmShadowPolicy.layer, configured()]))),
      Effect.provide(configured()),
    ),
  )

  const unusable: ReadonlyArray<readonly [name: string, change: (directory: string) => void]> = [
    ["is not there", (directory) => rmSync(join(directory, "policy.wasm"))],
    ["has no data", (directory) => rmSync(join(directory, "data.json"))],
    [
      "has data without a revision",
      (directory) => writeFileSync(join(directory, "data.json"), '{"gateway":{}}'),
    ],
    ["holds something else", (directory) => writeFileSync(join(directory, "policy.wasm"), "no wasm")],
  ]
  it.live.each(unusable)("fails the start when its policy %s", ([, change]) =>
    Effect.gen(function* () {
      const directory = yield* bundle(change)
      const failure = yield* Effect.flip(scene({ POLICY_SHADOW_DIR: directory }, WasmShadowPolicy.layer))
      assert.instanceOf(failure, ConfigFaults)
      const [fault] = failure.faults
      assert.strictEqual(fault?.variable, "POLICY_SHADOW_DIR")
      assert.include(fault?.problem, directory)
    }),
  )
})
