import { assert, describe, it } from "@effect/vitest"
import { OFREPProvider } from "@openfeature/ofrep-provider"
import { ErrorCode, OpenFeature, StandardResolutionReasons } from "@openfeature/server-sdk"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { customerIn, startOfrep } from "./OfrepUnderTest.ts"

/** OpenFeature's own client, over OpenFeature's own provider. */
const clientOf = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const domain = randomUUID()
      await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: `http://127.0.0.1:${port}` }))
      return OpenFeature.getClient(domain)
    }),
    () => Effect.promise(() => OpenFeature.clearProviders()),
  )

describe("OpenFeature's SDK", () => {
  it.effect("reads each flag of several customers, and why", () =>
    Effect.gen(function* () {
      const { port, row, rollout } = yield* startOfrep()
      const client = yield* clientOf(port)
      const [inside, outside] = [customerIn("canary_5pct"), customerIn("stable_100pct")]
      const check = (targetingKey: string, reason: string, values: Readonly<Record<string, boolean>>) =>
        Effect.forEach(Object.entries(values), ([flag, value]) =>
          Effect.promise(async () => {
            // The other value as the default, so that no default can be taken for an answer.
            const details = await client.getBooleanDetails(flag, !value, {
              targetingKey,
              roles: ["customer"],
            })
            assert.deepInclude(details, { flagKey: flag, value, variant: value ? "on" : "off", reason })
            assert.isUndefined(details.errorCode)
            assert.strictEqual(details.flagMetadata["stale"], false)
          }),
        )
      const everything = {
        gateway_enabled: true,
        "middleware.rbac": true,
        "middleware.policy": true,
        "middleware.budget": true,
      }
      const nothing = {
        gateway_enabled: false,
        "middleware.rbac": false,
        "middleware.policy": false,
        "middleware.budget": false,
      }
      yield* row("by-row", true, { policy: false })
      yield* check("by-row", StandardResolutionReasons.TARGETING_MATCH, {
        ...everything,
        "middleware.policy": false,
      })
      yield* check(outside, StandardResolutionReasons.DEFAULT, everything)
      yield* rollout("canary_5pct")
      yield* check(inside, StandardResolutionReasons.SPLIT, everything)
      yield* check(outside, StandardResolutionReasons.SPLIT, nothing)
      const cohorts = yield* Effect.forEach([inside, outside], (targetingKey) =>
        Effect.promise(() => client.getStringValue("rollout_cohort", "none", { targetingKey })),
      )
      assert.deepStrictEqual(cohorts, ["canary_5pct", "stable_100pct"])
    }),
  )

  it.effect("reads flags that are stale, with what decided them", () =>
    Effect.gen(function* () {
      const { port, row, away } = yield* startOfrep()
      yield* row("customer-1", true)
      yield* away
      const client = yield* clientOf(port)
      const details = yield* Effect.promise(() =>
        client.getBooleanDetails("gateway_enabled", false, { targetingKey: "customer-1" }),
      )
      assert.deepInclude(details, { value: true, reason: StandardResolutionReasons.STALE })
      assert.deepInclude(details.flagMetadata, { because: "row", revision: 1, stale: true })
    }),
  )

  const unknown = { feed: "fails", env: { FLAGS_DEFAULT_ENABLED: "false" } } as const
  const failures = [
    ["a flag that does not exist", "no_such_flag", { targetingKey: "x" }, ErrorCode.FLAG_NOT_FOUND, {}],
    ["a context without the customer", "gateway_enabled", {}, ErrorCode.TARGETING_KEY_MISSING, {}],
    ["a flag of another type", "rollout_cohort", { targetingKey: "x" }, ErrorCode.TYPE_MISMATCH, {}],
    ["flags that are not known", "gateway_enabled", { targetingKey: "x" }, ErrorCode.GENERAL, unknown],
  ] as const
  it.effect.each(failures)(
    "gives its caller's default for %s, and says why",
    ([, flag, context, errorCode, setup]) =>
      Effect.gen(function* () {
        const { port } = yield* startOfrep(setup)
        const client = yield* clientOf(port)
        for (const value of [true, false]) {
          const details = yield* Effect.promise(() => client.getBooleanDetails(flag, value, context))
          assert.deepInclude(details, { value, errorCode, reason: StandardResolutionReasons.ERROR })
          // The provider's own words for an answer that is not of the protocol.
          assert.notMatch(String(details.errorMessage), /expected format/)
        }
      }),
  )

  it.effect("gives its caller's default while the gateway is away", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(startOfrep())
      const client = yield* clientOf(port)
      const details = yield* Effect.promise(() =>
        client.getBooleanDetails("gateway_enabled", false, { targetingKey: "customer-1" }),
      )
      assert.deepInclude(details, { value: false, errorCode: ErrorCode.GENERAL })
    }),
  )
})
