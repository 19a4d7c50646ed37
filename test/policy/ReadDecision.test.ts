import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readDecision } from "../../src/policy/ReadDecision.ts"

const allowed = {
  allow: true,
  reasons: [],
  obligations: {
    target_backend: "sandbox",
    consume_approval: false,
    budget_override: true,
    role_level: 3,
  },
  permission: "agent.view",
  required_roles: [],
  cache: { allowed: true, until: 1_780_000_000_000 },
}
const denied = {
  allow: false,
  reasons: [
    { code: "permission-denied", permission: null, required_roles: ["admin"] },
    { code: "trial-expired", expires_at: 1 },
    { code: "trial-expiry-missing" },
    { code: "trial-closed-route" },
    { code: "approval-required", action: null, approval: "expired" },
    { code: "malformed-input", fields: ["now"] },
  ],
  obligations: {},
  permission: null,
  required_roles: ["admin"],
  cache: { allowed: false, until: null },
}

/** The decision with one value changed, or without it when the value is undefined. */
const changed = (decision: object, path: string, value: unknown): unknown => {
  const copy = JSON.parse(JSON.stringify(decision))
  const names = path.split(".")
  const last = names.pop() ?? ""
  const parent = names.reduce((object, name) => object[name], copy)
  if (value === undefined) delete parent[last]
  else parent[last] = value
  return copy
}

describe("a whole decision", () => {
  it.each([
    ["an allowance", allowed],
    ["a denial with every reason there is", denied],
    [
      "a denial with an empty list of fields",
      { ...denied, reasons: [{ code: "malformed-input", fields: [] }] },
    ],
    ["an allowance without a level", changed(allowed, "obligations.role_level", null)],
  ])("is read as it is: %s", (_, decision) => {
    assert.strictEqual(readDecision(decision), decision)
  })
})

const required = ["allow", "reasons", "obligations", "permission", "required_roles", "cache"]
const lacking: ReadonlyArray<readonly [object, string]> = [
  ...required.map((name) => [allowed, name] as const),
  ...required.map((name) => [denied, name] as const),
  ...["target_backend", "consume_approval", "budget_override", "role_level"].map(
    (name) => [allowed, `obligations.${name}`] as const,
  ),
  ...[allowed, denied].flatMap((decision) => [
    [decision, "cache.allowed"] as const,
    [decision, "cache.until"] as const,
  ]),
  [denied, "reasons.0.code"],
  [denied, "reasons.0.permission"],
  [denied, "reasons.0.required_roles"],
  [denied, "reasons.1.expires_at"],
  [denied, "reasons.4.action"],
  [denied, "reasons.4.approval"],
  [denied, "reasons.5.fields"],
]

const wrong: ReadonlyArray<readonly [object, string, unknown]> = [
  [allowed, "allow", "true"],
  [allowed, "allow", 1],
  [allowed, "allow", false],
  [denied, "allow", true],
  [denied, "allow", null],
  [denied, "reasons", []],
  [denied, "reasons", {}],
  [denied, "reasons.2", "trial-expiry-missing"],
  [denied, "reasons.2", null],
  [denied, "reasons.2.code", "because"],
  [denied, "reasons.2.code", "toString"],
  [denied, "reasons.0.permission", 7],
  [denied, "reasons.0.required_roles", ["admin", null]],
  [denied, "reasons.1.expires_at", "soon"],
  [denied, "reasons.4.approval", "granted"],
  [denied, "reasons.5.fields", "now"],
  [denied, "obligations", { consume_approval: false }],
  [allowed, "obligations", []],
  [allowed, "obligations.target_backend", "elsewhere"],
  [allowed, "obligations.consume_approval", null],
  [allowed, "obligations.budget_override", "no"],
  [allowed, "obligations.role_level", "3"],
  [allowed, "obligations.mask_fields", ["email"]],
  [allowed, "reasons", denied.reasons],
  [allowed, "permission", 7],
  [allowed, "required_roles", null],
  [allowed, "required_roles", [7]],
  [allowed, "cache", true],
  [allowed, "cache.allowed", "yes"],
  [allowed, "cache.until", "later"],
  [allowed, "cache.until", Number.NaN],
]

describe("what is no whole decision is not read", () => {
  it.each([undefined, null, true, 0, "allow", [], [allowed], {}, { allow: true }, { result: allowed }])(
    "%j",
    (answer) => {
      assert.isUndefined(readDecision(answer))
    },
  )

  it.each(lacking)("%j without %s", (decision, path) => {
    assert.isUndefined(readDecision(changed(decision, path, undefined)))
  })

  it.each(wrong)("%j with %s being %j", (decision, path, value) => {
    assert.isUndefined(readDecision(changed(decision, path, value)))
  })

  it.prop("whatever else JSON can say", [Schema.Json], ([answer]) => {
    assert.isUndefined(readDecision(answer))
  })
})
