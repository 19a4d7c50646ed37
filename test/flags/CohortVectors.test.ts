import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { createRequire } from "node:module"
import { isInRollout } from "../../src/flags/Cohort.ts"

const Context = Schema.Struct({
  userId: Schema.optionalKey(Schema.String),
  sessionId: Schema.optionalKey(Schema.String),
  properties: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
})

const Strategy = Schema.Struct({
  name: Schema.String,
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
})

const Specification = Schema.Struct({
  state: Schema.Struct({
    features: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        enabled: Schema.Boolean,
        strategies: Schema.Array(Strategy),
      }),
    ),
  }),
  tests: Schema.Array(
    Schema.Struct({
      description: Schema.String,
      context: Context,
      toggleName: Schema.String,
      expectedResult: Schema.Boolean,
    }),
  ),
})

const read = <A>(schema: Schema.Decoder<A>, file: string): A =>
  Schema.decodeUnknownSync(schema)(
    createRequire(import.meta.url)(`@unleash/client-specification/specifications/${file}`),
  )

/** A random id would do where Unleash asks for one: none of the vectors depends on it. */
const anyId = "1"

/** Unleash's strategies as far as they hash: each comes to a percent, a group and an id. */
const isIn = (
  { name, parameters = {} }: typeof Strategy.Type,
  { userId, sessionId, properties = {} }: typeof Context.Type,
): boolean => {
  const rollout = (percent: string | undefined, id: string | undefined): boolean =>
    id !== undefined && isInRollout(Number(percent), parameters["groupId"] ?? "", id)
  switch (name) {
    case "default":
      return true
    case "gradualRolloutUserId":
      return rollout(parameters["percentage"], userId)
    case "gradualRolloutSessionId":
      return rollout(parameters["percentage"], sessionId)
    case "gradualRolloutRandom":
      return rollout(parameters["percentage"], anyId)
    case "flexibleRollout": {
      const stickiness = parameters["stickiness"] ?? "default"
      const fields: Readonly<Record<string, string | undefined>> = {
        ...properties,
        userId,
        sessionId,
        default: userId ?? sessionId ?? anyId,
      }
      return rollout(parameters["rollout"], fields[stickiness])
    }
    default:
      throw new Error(`A vector has the strategy ${name}.`)
  }
}

/** How many vectors of each file are run: all its `tests`. */
const run = {
  "03-gradual-rollout-user-id-strategy.json": 6,
  "04-gradual-rollout-session-id-strategy.json": 6,
  "05-gradual-rollout-random-strategy.json": 4,
  "10-flexible-rollout-strategy.json": 10,
  "12-custom-stickiness.json": 5,
} as const

const noHash = "It hashes nothing."
const otherHash =
  "Variants are chosen by the same hash with another seed and weights; the gateway has no variants."

/** Why the others are not. */
const leftOut: Readonly<Record<string, string>> = {
  "01-simple-examples.json": noHash,
  "02-user-with-id-strategy.json": noHash,
  "06-remote-address-strategy.json": noHash,
  "07-multiple-strategies.json":
    "Its rollouts are random, of 0 and 100 %, as in 05; the rest hashes nothing.",
  "08-variants.json": otherHash,
  "09-strategy-constraints.json": noHash,
  "11-strategy-constraints-edge-cases.json": noHash,
  "12-custom-stickiness.json (variantTests)": otherHash,
  "13-constraint-operators.json": noHash,
  "14-constraint-semver-operators.json": noHash,
  "15-global-constraints.json": noHash,
  "16-strategy-variants.json": otherHash,
  "17-dependent-features.json": "Its rollouts are of 100 %: what it tests is how flags depend on each other.",
  "18-utf8-flag-names.json": noHash,
  "19-delta-api-hydration.json": noHash,
  "20-delta-api-events.json": noHash,
  "21-regex-constraint-operators.json": noHash,
  "22-cidr-constraint-operators.json": noHash,
}

describe("the vectors of Unleash's client specification", () => {
  it("of every file it is said whether its vectors hold, or why they are left out", () => {
    const said = [...Object.keys(run), ...Object.keys(leftOut).filter((file) => file.endsWith(".json"))]
    assert.sameMembers([...read(Schema.Array(Schema.String), "index.json")], said)
  })

  describe.each(Object.entries(run))("%s", (file, count) => {
    const { state, tests } = read(Specification, file)

    it("has the vectors that are known", () => {
      assert.strictEqual(tests.length, count)
    })

    it.each(tests)("$description", ({ context, toggleName, expectedResult }) => {
      const feature = state.features.find(({ name }) => name === toggleName)
      assert.strictEqual(
        feature !== undefined &&
          feature.enabled &&
          feature.strategies.some((strategy) => isIn(strategy, context)),
        expectedResult,
      )
    })
  })
})
