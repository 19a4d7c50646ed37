import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyEngine, type PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { describeLive } from "../Live.ts"
import { startOpaServer } from "../OpaServer.ts"
import { approval, customer, malformed, now, sensitive, staff, trial } from "../policy/Requests.ts"
import { policyEngineContract } from "./PolicyEngine.ts"
import { until } from "../Until.ts"
import { overServers, untilStanding } from "../layers/opa/StandInOpa.ts"

await describeLive("PolicyEngine on an OPA server", "TEST_OPA_URLS", () => {
  const scope = Scope.makeUnsafe()
  let engines: ReadonlyArray<PolicyEngine["Service"]> = []
  beforeAll(async () => {
    const onServer = Effect.gen(function* () {
      const { url } = yield* startOpaServer
      return Context.get(yield* Layer.build(overServers([url])), PolicyEngine)
    })
    const both = Effect.all([onServer, WasmPolicyEngine.make])
    engines = await Effect.runPromise(Scope.provide(both, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  policyEngineContract(
    Layer.effect(
      PolicyEngine,
      Effect.suspend(() => Effect.fromNullishOr(engines[0])),
    ),
  )

  it.live.prop(
    "decides as the one in this process, whatever it is asked, and however many ask at once",
    [Schema.Array(plans).check(Schema.isMaxLength(12))],
    ([batch]) =>
      Effect.gen(function* () {
        const inputs = batch.map(inputOf)
        const [onServer, inProcess] = yield* Effect.forEach(engines, ({ decide }) =>
          Effect.forEach(inputs, (input) => answerOf(decide(input)), { concurrency: "unbounded" }),
        )
        assert.deepStrictEqual(onServer, inProcess)
      }),
    { arbitrary: { runs: 300 } },
  )
})

const bases = { customer, trial, sensitive, staff, approved: { ...sensitive, approval } }
const fields = [
  ...Object.keys(customer),
  ...["mode", "expires_at"].map((name) => `trial.${name}`),
  ...Object.keys(approval).map((name) => `approval.${name}`),
]
const usual = ["CP", "PP", "agent.create", "signed-in", "customer.view", "approved", "customer-1", "", now, 0]
const role = Schema.Literals(["customer", "governor", "admin", "viewer", "helpdesk_agent", "nobody"])

/** A request that differs from a good one in a few fields. */
const plans = Schema.Struct({
  base: Schema.Literals(["customer", "trial", "sensitive", "staff", "approved"]),
  changes: Schema.Array(
    Schema.Struct({
      field: Schema.Literals(fields),
      isMissing: Schema.Boolean,
      value: Schema.Union([
        Schema.Literals(usual),
        Schema.Null,
        Schema.Boolean,
        Schema.Array(role),
        Schema.Json,
      ]),
    }),
  ).check(Schema.isMaxLength(3)),
})

const put = (object: Record<string, unknown>, name: string, isMissing: boolean, value: unknown) => {
  if (isMissing) delete object[name]
  else object[name] = value
}
const inputOf = ({ base, changes }: typeof plans.Type): DecisionRequest => {
  const input: Record<string, unknown> = { ...bases[base] }
  for (const { field, isMissing, value } of changes) {
    const [name = "", inner] = field.split(".")
    if (inner === undefined) put(input, name, isMissing, value)
    else {
      const nested = { ...Object(input[name]) }
      put(nested, inner, isMissing, value)
      input[name] = nested
    }
  }
  return malformed(input)
}

/** The decision, or why there is none. */
const answerOf = (decision: Effect.Effect<Decision, PolicyUnavailable>) =>
  decision.pipe(Effect.catch(({ reason }) => Effect.succeed({ reason })))

await describeLive("PolicyEngine on two OPA servers under load", "TEST_OPA_URLS", () => {
  const faults = [
    ["is killed", "kill"],
    ["stands still", "freeze"],
  ] as const
  it.live.each(faults)("decides everything while one of them %s, and takes it back", ([, fault]) =>
    Effect.gen(function* () {
      const [one, two] = yield* Effect.all([startOpaServer, startOpaServer], { concurrency: 2 })
      yield* Effect.gen(function* () {
        yield* untilStanding("up", "up")
        let decided = 0
        const { decide } = yield* PolicyEngine
        const client = decide(customer).pipe(
          Effect.map(({ allow }) => {
            assert.isTrue(allow)
            decided++
          }),
          Effect.forever,
        )
        const clients = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 16 }, () => client),
            { concurrency: "unbounded" },
          ),
        )
        /** They go on deciding; a failure of one ends them all, and this test. */
        const more = Effect.suspend(() => {
          const goal = decided + 200
          return Effect.raceFirst(
            until(() => decided > goal),
            Fiber.join(clients),
          )
        })
        yield* more
        yield* one[fault]
        yield* untilStanding("down", "up")
        yield* more
        yield* one.revive
        yield* untilStanding("up", "up")
        yield* more
      }).pipe(
        // Two seconds, because this machine may be busier than a server's.
        Effect.provide(
          overServers([one.url, two.url], { OPA_HEALTH_SECONDS: "0.2", OPA_TIMEOUT_MS: "2000" }),
        ),
      )
    }),
  )
})
