import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { compiledRevision } from "../layers/wasm/Compiled.ts"
import { approval, customer, later, malformed, now, sensitive, staff, trial } from "../policy/Requests.ts"

const decide = (request: DecisionRequest) => PolicyEngine.use((engine) => engine.decide(request))

const production = {
  target_backend: "production",
  consume_approval: false,
  budget_override: false,
  role_level: null,
} as const

const denied = {
  allow: false,
  obligations: {},
  permission: null,
  required_roles: [],
  cache: { allowed: false, until: null },
} as const

/** Requests of every kind of outcome, and the whole decision that the policies of this revision make of each. */
const outcomes: ReadonlyArray<readonly [name: string, request: DecisionRequest, decision: Decision]> = [
  [
    "a customer's request",
    customer,
    {
      allow: true,
      reasons: [],
      obligations: production,
      permission: null,
      required_roles: [],
      cache: { allowed: true, until: null },
    },
  ],
  [
    "a trial customer's request",
    trial,
    {
      allow: true,
      reasons: [],
      obligations: { ...production, target_backend: "sandbox" },
      permission: null,
      required_roles: [],
      cache: { allowed: true, until: later },
    },
  ],
  [
    "a trial customer's request on a closed route, of an act without approval, after its end",
    { ...sensitive, trial: { mode: true, expires_at: now - 1 }, closed_to_trials: true },
    {
      ...denied,
      reasons: [
        { code: "trial-expired", expires_at: now - 1 },
        { code: "trial-closed-route" },
        { code: "approval-required", action: "agent.create", approval: "missing" },
      ],
    },
  ],
  [
    "a trial customer's request without an expiry",
    { ...customer, trial: { mode: true, expires_at: null } },
    { ...denied, reasons: [{ code: "trial-expiry-missing" }] },
  ],
  [
    "a sensitive act without its approval",
    sensitive,
    {
      ...denied,
      reasons: [{ code: "approval-required", action: "agent.create", approval: "missing" }],
    },
  ],
  [
    "a sensitive act with its approval",
    { ...sensitive, approval },
    {
      allow: true,
      reasons: [],
      obligations: { ...production, consume_approval: true },
      permission: null,
      required_roles: [],
      cache: { allowed: false, until: null },
    },
  ],
  [
    "a sensitive act with another customer's approval",
    { ...sensitive, approval: { ...approval, customer_id: "customer-2" } },
    {
      ...denied,
      reasons: [{ code: "approval-required", action: "agent.create", approval: "for-another-request" }],
    },
  ],
  [
    "staff with the permission",
    staff,
    {
      allow: true,
      reasons: [],
      obligations: { ...production, role_level: 1 },
      permission: "agent.view",
      required_roles: [],
      cache: { allowed: true, until: null },
    },
  ],
  [
    "staff without the permission",
    { ...staff, permission: "customer.view" },
    {
      ...denied,
      reasons: [
        {
          code: "permission-denied",
          permission: "customer.view",
          required_roles: ["admin", "subscription_manager", "helpdesk_agent"],
        },
      ],
      permission: "customer.view",
      required_roles: ["admin", "subscription_manager", "helpdesk_agent"],
      cache: { allowed: true, until: null },
    },
  ],
  [
    "a request with a field missing and another one wrong",
    malformed({ ...customer, subject: undefined, now: "today" }),
    { ...denied, reasons: [{ code: "malformed-input", fields: ["now", "subject"] }] },
  ],
  [
    "a request in all the world's letters",
    { ...sensitive, subject: 'ü-"\\\u0000-\u{1F600}', resource: "/api/v1/агенты" },
    {
      ...denied,
      reasons: [{ code: "approval-required", action: "agent.create", approval: "missing" }],
    },
  ],
]

/** The contract of `PolicyEngine`, which every layer of it passes. */
export const policyEngineContract = <E>(world: Layer.Layer<PolicyEngine, E>): void => {
  describe("a decision is whole and right", () => {
    it.live.each(outcomes)("for %s", ([, request, decision]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* decide(request), decision)
      }).pipe(Effect.provide(world)),
    )
  })

  it.live("each of many who ask at once gets the decision of its own request", () =>
    Effect.gen(function* () {
      const asked = Array.from({ length: 6 }, () => outcomes).flat()
      const decisions = yield* Effect.forEach(asked, ([, request]) => decide(request), {
        concurrency: "unbounded",
      })
      assert.deepStrictEqual(
        decisions,
        asked.map(([, , decision]) => decision),
      )
    }).pipe(Effect.provide(world)),
  )

  it.live("nothing is remembered from one request to the next", () =>
    Effect.gen(function* () {
      const ends = { ...trial, trial: { mode: true, expires_at: now } }
      assert.isTrue((yield* decide({ ...ends, now: now - 1 })).allow)
      assert.isFalse((yield* decide({ ...ends, now })).allow)
      assert.isTrue((yield* decide({ ...ends, now: now - 1 })).allow)
    }).pipe(Effect.provide(world)),
  )

  it.live("who asked and left does not disturb the others", () =>
    Effect.gen(function* () {
      const decisions = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, index) => index),
        (index) =>
          index % 3 === 0
            ? Effect.as(Effect.timeoutOption(decide(staff), 0), "left")
            : Effect.map(decide({ ...customer, subject: `user-${index}` }), ({ allow }) => String(allow)),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        decisions,
        decisions.map((_, index) => (index % 3 === 0 ? "left" : "true")),
      )
    }).pipe(Effect.provide(world)),
  )

  it.live("the revision is that of the policy that decided", () =>
    Effect.gen(function* () {
      const { revision } = yield* PolicyEngine
      yield* decide(customer)
      assert.strictEqual(revision(), compiledRevision)
    }).pipe(Effect.provide(world)),
  )
}
