import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../../layers/memory/SharedDecisions.ts"
import type { DecisionRequest } from "../../../src/policy/Decision.ts"
import { Policy } from "../../../src/policy/Policy.ts"
import { FallbackEngine, PolicyEngine } from "../../../src/policy/PolicyEngine.ts"
import { Shadow } from "../../../src/policy/Shadow.ts"
import { Breakers } from "../../../src/rollback/Breakers.ts"
import { configured } from "../../auth/World.ts"
import { customer } from "../../policy/Requests.ts"
import { breakers } from "../../rollback/World.ts"
import { until } from "../../Until.ts"
import { type Conduct, overServers, respond, type StandInOpa, startStandInOpa } from "./StandInOpa.ts"
import { reasonOf, untilAsked, withTwo } from "./TwoOpas.ts"

/** A request that no server can evaluate; `n` tells them apart. */
const poison = (n = 1): DecisionRequest => ({ ...customer, subject: `poison-${n}` })
const isPoison = ({ subject }: DecisionRequest): boolean => subject.startsWith("poison")
const others = (count: number): ReadonlyArray<DecisionRequest> =>
  Array.from({ length: count }, (_, n) => ({ ...customer, subject: `user-${n}` }))

const decideAll = (requests: ReadonlyArray<DecisionRequest>) =>
  PolicyEngine.use((engine) =>
    Effect.forEach(requests, (request) => Effect.exit(engine.decide(request)), { concurrency: "unbounded" }),
  )

/** Answers so whatever has a poison in it, and else as OPA does. */
const poisoned =
  (opa: StandInOpa, answer: Conduct = (_, response) => respond(response, {}, 500)): Conduct =>
  (requests, response) =>
    (requests.some(isPoison) ? answer : opa.honest)(requests, response)

/** Each failure once, by identity. */
const failuresOf = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) => [
  ...new Set(exits.filter(Exit.isFailure).map((exit) => Option.getOrThrow(Exit.findErrorOption(exit)))),
]
const sizes = (...servers: ReadonlyArray<StandInOpa>) =>
  servers.flatMap(({ queries }) => queries).toSorted((a, b) => b - a)
const alone = (count: number) => Array.from({ length: count }, () => 1)

describe("a request that no server can evaluate", () => {
  const answers: ReadonlyArray<readonly [name: string, answer: Conduct]> = [
    ["an error", (_, response) => respond(response, {}, 500)],
    ["garbage", (_, response) => void response.end("<html>")],
    ["no decisions at all", (_, response) => respond(response, {})],
    [
      "a decision too few",
      ({ length }, response) =>
        respond(response, { result: { decisions: Array(length - 1).fill(null), revision: "r" } }),
    ],
  ]
  it.effect.each(answers)("fails alone when its query is answered with %s", ([, answer]) =>
    withTwo((one, two, log) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(poisoned(opa, answer))
        const exits = yield* decideAll([...others(4), poison(), ...others(5)])
        assert.deepStrictEqual(
          exits.map(Exit.isSuccess),
          exits.map((_, index) => index !== 4),
        )
        assert.deepStrictEqual(sizes(one, two), [10, ...alone(10)])
        yield* until(() => log.some((line) => line.includes("Asked alone, 1 of 10 requests got no answer.")))
      }),
    ),
  )

  it.effect("takes its query along only in name: each of the others gets the decision that is its own", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(poisoned(opa))
        const requests = [
          customer,
          poison(),
          { ...customer, roles: [] },
          { ...customer, closed_to_trials: true },
        ]
        const together = yield* decideAll(requests)
        for (const opa of [one, two]) opa.conduct(opa.honest)
        const expected = yield* Effect.forEach(requests, (request) => decideAll([request]))
        assert.deepStrictEqual(
          together.filter(Exit.isSuccess),
          expected.flat().filter((_, index) => index !== 1),
        )
      }),
    ),
  )

  it.effect("is not asked again when it was alone", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(poisoned(opa))
        assert.deepStrictEqual((yield* decideAll([poison()])).map(reasonOf), ["status"])
        assert.deepStrictEqual(sizes(one, two), [1])
      }),
    ),
  )

  it.effect("and another one in the same query share one failure, which is counted once", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(poisoned(opa))
        const exits = yield* decideAll([poison(1), ...others(8), poison(2)])
        assert.lengthOf(exits.filter(Exit.isFailure), 2)
        assert.lengthOf(failuresOf(exits), 1)
      }),
    ),
  )

  it.effect("whose caller left does not keep the others from their decisions", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        const held: Array<() => void> = []
        for (const opa of [one, two])
          opa.conduct((requests, response) => {
            const answer = () => poisoned(opa)(requests, response)
            if (requests.length > 1) held.push(answer)
            else answer()
          })
        const engine = yield* PolicyEngine
        const leaving = yield* Effect.forkChild(engine.decide(poison()))
        const staying = yield* Effect.forkChild(decideAll(others(3)))
        yield* until(() => held.length === 1)
        yield* Fiber.interrupt(leaving)
        for (const answer of held) answer()
        assert.isTrue((yield* Fiber.join(staying)).every(Exit.isSuccess))
      }),
    ),
  )
})

describe("asking each alone", () => {
  it.effect("ends with the five seconds that a decision may take, and what is decided by then stays", () =>
    withTwo(
      (one, two) =>
        Effect.gen(function* () {
          for (const opa of [one, two])
            opa.conduct((requests, response) => {
              if (requests.length > 1) respond(response, {}, 500)
              else if (!requests.some(isPoison)) opa.honest(requests, response)
            })
          const deciding = yield* Effect.forkChild(decideAll([...others(3), poison(1), poison(2)]))
          yield* untilAsked(6, one, two)
          yield* TestClock.adjust("4999 millis")
          assert.isUndefined(deciding.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          const exits = yield* Fiber.join(deciding)
          assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, true, false, false])
          // The query's own failure: that the time is over is not another one.
          assert.deepStrictEqual(exits.slice(3).map(reasonOf), ["status", "status"])
          assert.lengthOf(failuresOf(exits), 1)
        }),
      { OPA_TIMEOUT_MS: "3000" },
    ),
  )

  it.effect("is not done again while nothing is answered, and is once something was", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        const failing: Conduct = (requests, response) =>
          requests.length === 0 ? one.honest(requests, response) : respond(response, {}, 500)
        for (const opa of [one, two]) opa.conduct(failing)
        yield* decideAll(others(9))
        assert.deepStrictEqual(sizes(one, two), [9, ...alone(9)])
        // More failures in a row than open a circuit.
        yield* decideAll(others(9))
        assert.deepStrictEqual(sizes(one, two), [9, 9, ...alone(9)])
        for (const opa of [one, two]) opa.conduct(poisoned(opa))
        yield* decideAll(others(1))
        const exits = yield* decideAll([...others(3), poison()])
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, true, false])
      }),
    ),
  )
})

/** `Policy` over two servers, without anything remembered. */
const overTwo = <A, E>(test: (one: StandInOpa, two: StandInOpa) => Effect.Effect<A, E, Policy | Breakers>) =>
  Effect.gen(function* () {
    const [one, two] = yield* Effect.all([startStandInOpa, startStandInOpa])
    const env = { OPA_CACHE_TTL_SECONDS: "0", OPA_CACHE_STALE_SECONDS: "0" }
    return yield* test(one, two).pipe(
      Effect.provide(
        Policy.layer.pipe(
          Layer.provideMerge(breakers()),
          Layer.provide([
            overServers([one.url, two.url], env),
            MemorySharedDecisions.layer,
            Layer.succeed(FallbackEngine, Option.none()),
            Shadow.layerOff,
            configured({ OPA_LAYER: "http", OPA_URLS: `${one.url},${two.url}`, ...env }),
          ]),
        ),
      ),
    )
  })
const decideTogether = (requests: ReadonlyArray<DecisionRequest>) =>
  Policy.use(({ decide }) =>
    Effect.forEach(requests, (request) => Effect.exit(decide(request)), { concurrency: "unbounded" }),
  )
const theCircuit = Breakers.use((all) => all.of("policy-engine"))

describe("the circuit of the policy engine", () => {
  it.effect("stays closed however often a query fails of which all but one are answered alone", () =>
    overTwo((one, two) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(poisoned(opa))
        for (let n = 0; n < 10; n++) {
          const exits = yield* decideTogether([...others(5), poison(n), ...others(4)])
          assert.strictEqual(exits.filter(Exit.isSuccess).length, 9)
        }
        assert.isTrue((yield* theCircuit).isClosed())
      }),
    ),
  )

  it.effect("counts a query once of which none is answered alone either, and opens at the fifth", () =>
    overTwo((one, two) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct((_, response) => respond(response, {}, 500))
        for (let n = 1; n <= 4; n++) {
          yield* decideTogether(others(10))
          const [circuit] = yield* Breakers.use(({ list }) => list)
          assert.deepInclude(circuit, { dependency: "policy-engine", failures: n, state: "closed" })
        }
        yield* decideTogether(others(10))
        assert.isFalse((yield* theCircuit).isClosed())
        const asked = sizes(one, two).length
        yield* decideTogether(others(10))
        assert.strictEqual(sizes(one, two).length, asked)
      }),
    ),
  )
})
