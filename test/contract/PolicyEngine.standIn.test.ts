import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { customer } from "../policy/Requests.ts"
import { policyEngineContract } from "./PolicyEngine.ts"
import { overServers, startStandInOpa } from "../layers/opa/StandInOpa.ts"

describe("PolicyEngine on a stand-in of OPA", () => {
  policyEngineContract(Layer.unwrap(Effect.map(startStandInOpa, ({ url }) => overServers([url]))))
})

/** The sizes of the queries that so many decisions at once become. */
const queriesOf = (decisions: number, env: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const opa = yield* startStandInOpa
    yield* Effect.gen(function* () {
      const { decide } = yield* PolicyEngine
      yield* Effect.forEach(
        Array.from({ length: decisions }, () => customer),
        decide,
        {
          concurrency: "unbounded",
          discard: true,
        },
      )
    }).pipe(Effect.provide(overServers([opa.url], env)))
    return opa.queries
  })

describe("decisions that are asked for at once", () => {
  const cases: ReadonlyArray<readonly [decisions: number, max: string, queries: ReadonlyArray<number>]> = [
    [1, "10", [1]],
    [10, "10", [10]],
    [25, "10", [10, 10, 5]],
    [7, "3", [3, 3, 1]],
    [3, "1", [1, 1, 1]],
  ]
  it.live.each(cases)("%i with OPA_BATCH_MAX=%s become queries of %j", ([decisions, max, queries]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* queriesOf(decisions, { OPA_BATCH_MAX: max }), queries)
    }),
  )
})
