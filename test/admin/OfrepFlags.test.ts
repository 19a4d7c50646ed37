import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { flags } from "../../src/admin/OfrepFlags.ts"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import type { FlagsStatus, Route } from "../../src/flags/FeatureFlags.ts"

const enrolled: Route = {
  to: "gateway",
  because: "row",
  middleware: allMiddleware,
  cohort: "canary_25pct",
}
const current: FlagsStatus = {
  state: "current",
  revision: Option.some(7),
  rows: 1,
  rollout: Option.none(),
  confirmedAt: Option.some(1000),
}

const evaluate = (key: string, route: Partial<Route>, status: Partial<FlagsStatus> = {}, now = 1000) => {
  const flag = flags.get(key)
  assert.isDefined(flag)
  return flag({ route: { ...enrolled, ...route }, status: { ...current, ...status }, now })
}
const valuesOf = (route: Partial<Route>) =>
  Object.fromEntries([...flags.keys()].map((key) => [key, evaluate(key, route).value]))

describe("a flag's value is what the gateway does with the customer's requests", () => {
  it("enrolled with everything", () => {
    assert.deepStrictEqual(valuesOf({}), {
      gateway_enabled: true,
      "middleware.rbac": true,
      "middleware.policy": true,
      "middleware.budget": true,
      rollout_cohort: "canary_25pct",
    })
  })

  it.each(["rbac", "policy", "budget"] as const)(
    "a row that turns %s off turns nothing else off",
    (layer) => {
      const middleware = { ...allMiddleware, [layer]: false }
      assert.deepStrictEqual(valuesOf({ middleware }), { ...valuesOf({}), [`middleware.${layer}`]: false })
    },
  )

  it("who goes direct passes no layer, whatever the row says of them", () => {
    assert.deepStrictEqual(valuesOf({ to: "direct" }), {
      gateway_enabled: false,
      "middleware.rbac": false,
      "middleware.policy": false,
      "middleware.budget": false,
      rollout_cohort: "canary_25pct",
    })
  })

  it("the variant names it", () => {
    assert.strictEqual(evaluate("gateway_enabled", {}).variant, "on")
    assert.strictEqual(evaluate("gateway_enabled", { to: "direct" }).variant, "off")
    assert.strictEqual(evaluate("rollout_cohort", {}).variant, "canary_25pct")
  })
})

describe("the reason is what decided", () => {
  const reasons = [
    ["row", "TARGETING_MATCH"],
    ["cohort", "SPLIT"],
    ["default", "DEFAULT"],
  ] as const
  it.each(reasons)("%s: %s", (because, reason) => {
    for (const key of ["gateway_enabled", "middleware.rbac"]) {
      const evaluation = evaluate(key, { because })
      assert.strictEqual(evaluation.reason, reason)
      assert.strictEqual(evaluation.metadata.because, because)
    }
  })

  it.each(reasons)("STALE while the flags are, and %s stays as the cause", (because) => {
    const evaluation = evaluate("gateway_enabled", { because }, { state: "stale" })
    assert.strictEqual(evaluation.reason, "STALE")
    assert.deepInclude(evaluation.metadata, { because, stale: true })
  })

  it("the cohort is a split of ids, for a customer with a row and with stale flags too", () => {
    const evaluation = evaluate("rollout_cohort", { because: "row" }, { state: "stale" })
    assert.strictEqual(evaluation.reason, "SPLIT")
    assert.deepInclude(evaluation.metadata, { because: "cohort", stale: true })
  })
})

describe("the metadata", () => {
  it("have the revision and the whole seconds since the database confirmed the flags", () => {
    const { metadata } = evaluate("gateway_enabled", {}, {}, 3999)
    assert.deepStrictEqual(metadata, { because: "row", revision: 7, age_seconds: 2, stale: false })
  })

  it("have no age below zero when the clock was set back", () => {
    assert.strictEqual(evaluate("gateway_enabled", {}, {}, 0).metadata.age_seconds, 0)
  })

  it("have neither where there never were any flags", () => {
    const unknown = { state: "unknown", revision: Option.none(), confirmedAt: Option.none() } as const
    const evaluation = evaluate("gateway_enabled", { because: "default" }, unknown)
    assert.strictEqual(evaluation.reason, "DEFAULT")
    assert.deepStrictEqual(evaluation.metadata, { because: "default", stale: false })
  })
})
