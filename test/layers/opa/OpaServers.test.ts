import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ServerResponse } from "node:http"
import { PolicyEngine, type PolicyUnavailable } from "../../../src/policy/PolicyEngine.ts"
import { until, untilSeen } from "../../Until.ts"
import { compiledRevision } from "../wasm/Compiled.ts"
import { type Conduct, overServers, respond, startStandInOpa, untilStanding } from "./StandInOpa.ts"
import { decide, decideMany, reasonOf, timeout, towardsRequests, untilAsked, withTwo } from "./TwoOpas.ts"

/** No answer comes, or none that has an end. */
const silences: ReadonlyArray<
  readonly [name: string, reason: PolicyUnavailable["reason"], answer: (response: ServerResponse) => void]
> = [
  ["does not answer", "timeout", () => {}],
  ["begins an answer and does not end it", "timeout", (response) => void response.write('{"result":')],
  [
    "sends without end",
    "timeout",
    (response) => {
      const drip = setInterval(() => response.write(" "), 5)
      response.on("close", () => clearInterval(drip))
    },
  ],
  ["closes the connection", "unreachable", (response) => response.socket?.destroy()],
  [
    "closes the connection within its answer",
    "unreachable",
    (response) => response.write('{"result":', () => response.socket?.destroy()),
  ],
]

describe("a server that", () => {
  it.effect.each(silences)("%s is asked no more, and the other one decides", ([, reason, silence]) =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        one.conduct(towardsRequests(one, silence))
        const six = yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5, 6], () => decide))
        yield* untilAsked(1, one)
        if (reason === "timeout") yield* TestClock.adjust(timeout)
        const decisions = yield* Fiber.join(six)
        assert.isTrue(decisions.every(({ allow }) => allow))
        assert.strictEqual(one.queries.length, 1)
        assert.strictEqual(two.queries.length, 6)
        const [line] = yield* untilStanding("down", "up")
        assert.match(String(line?.detail), /^opa-1 (did not answer|cannot be reached)/)
        // Nobody waits for it any more.
        yield* untilSeen(one.connections, (count) => count === 0)
      }),
    ),
  )

  it.effect.each(silences)("%s, as the other one, is asked once", ([, reason, silence]) =>
    withTwo((one, two, log) =>
      Effect.gen(function* () {
        for (const opa of [one, two]) opa.conduct(towardsRequests(opa, silence))
        const ten = yield* Effect.forkChild(decideMany(10))
        yield* untilAsked(1, one, two)
        if (reason === "timeout") yield* TestClock.adjust(timeout)
        yield* untilAsked(2, one, two)
        if (reason === "timeout") yield* TestClock.adjust(timeout)
        const exits = yield* Fiber.join(ten)
        assert.deepStrictEqual([...new Set(exits.map(reasonOf))], [reason])
        assert.deepStrictEqual([one.queries, two.queries], [[10], [10]])
        const said = log.filter((message) => message.includes("OPA gave no decisions"))
        assert.strictEqual(said.length, 1)
        assert.match(String(said[0]), /opa-\d .*opa-\d /)
      }),
    ),
  )

  it.effect("loses its policy is asked no more once it answered without one", () =>
    withTwo((one) =>
      Effect.gen(function* () {
        one.conduct((_, response) => respond(response, {}))
        const exits = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => Effect.exit(decide))
        assert.deepStrictEqual(exits.map(reasonOf).toSorted(), [
          "decided",
          "decided",
          "decided",
          "decided",
          "decided",
          "undefined",
        ])
        const [line] = yield* untilStanding("down", "up")
        assert.strictEqual(line?.detail, "opa-1 holds no policy that decides.")
      }),
    ),
  )

  it.effect(
    "answers only some queries is down until it passes a health check, and not up and down with each",
    () =>
      withTwo((one, two, log) =>
        Effect.gen(function* () {
          for (const opa of [one, two])
            opa.conduct(
              towardsRequests(opa, (response) => {
                if (opa.queries.length % 2 === 1) response.socket?.destroy()
                else respond(response, { result: { decisions: [null], revision: compiledRevision } })
              }),
            )
          yield* Effect.repeat(Effect.exit(decide), { times: 20 })
          const lines = log.filter((message) => !message.includes("OPA gave no"))
          assert.strictEqual(lines.length, 4)
          yield* untilStanding("down", "down")
          yield* TestClock.adjust("10 seconds")
          yield* untilStanding("up", "up")
        }),
      ),
  )

  it.effect("answers with an error is asked on, for the requests may be to blame", () =>
    withTwo((one) =>
      Effect.gen(function* () {
        one.conduct(towardsRequests(one, (response) => respond(response, {}, 500)))
        const exits = yield* Effect.forEach([1, 2, 3, 4], () => Effect.exit(decide))
        assert.deepStrictEqual(exits.map(reasonOf).toSorted(), ["decided", "decided", "status", "status"])
        yield* untilStanding("up", "up")
      }),
    ),
  )
})

describe("while both servers are gone", () => {
  it.effect("a decision fails at once, and the first query after their return is answered", () =>
    withTwo((one, two) =>
      Effect.gen(function* () {
        yield* Effect.all([one.network.vanish, two.network.vanish])
        for (let query = 0; query < 5; query++)
          assert.strictEqual(reasonOf(yield* Effect.exit(decide)), "unreachable")
        yield* untilStanding("down", "down")
        yield* Effect.all([one.network.heal, two.network.heal])
        assert.isTrue((yield* decide).allow)
      }),
    ),
  )

  it.effect("a gateway starts, and decides when they come", () =>
    Effect.gen(function* () {
      const opa = yield* startStandInOpa
      yield* opa.network.vanish
      yield* Effect.gen(function* () {
        yield* untilStanding("down", "down")
        assert.strictEqual(reasonOf(yield* Effect.exit(decide)), "unreachable")
        yield* opa.network.heal
        assert.isTrue((yield* decide).allow)
      }).pipe(Effect.provide(overServers([opa.url, "http://127.0.0.1:1"])))
    }),
  )
})

it.effect("no decision takes longer than five seconds, however long a server may take", () =>
  Effect.gen(function* () {
    const [one, two] = yield* Effect.all([startStandInOpa, startStandInOpa])
    for (const opa of [one, two]) opa.conduct(() => {})
    yield* Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.exit(decide))
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "timeout")
    }).pipe(Effect.provide(overServers([one.url, two.url], { OPA_TIMEOUT_MS: "3000" })))
  }),
)

describe("health checks", () => {
  const often = { OPA_HEALTH_SECONDS: "0.1", OPA_TIMEOUT_MS: "2000" }

  it.live("find a server that is gone, one that is back and one that hangs, without a query", () =>
    withTwo(
      (one, two) =>
        Effect.gen(function* () {
          yield* one.network.vanish
          const lines = yield* untilStanding("down", "up")
          assert.deepStrictEqual(
            lines.map(({ name }) => name),
            ["opa-1", "opa-2"],
          )
          assert.notInclude(JSON.stringify(lines), "127.0.0.1")
          yield* one.network.heal
          yield* untilStanding("up", "up")
          yield* two.network.hang
          yield* untilStanding("up", "down")
        }),
      often,
    ),
  )

  const unwell: ReadonlyArray<readonly [name: string, conduct: Conduct]> = [
    ["holds no policy", (_, response) => respond(response, {})],
    ["answers with an error", (_, response) => respond(response, {}, 500)],
    ["answers with what is no decisions", (_, response) => response.end("ok")],
  ]
  it.live.each(unwell)("find a server that %s", ([, conduct]) =>
    withTwo(
      (one) =>
        Effect.gen(function* () {
          one.conduct(conduct)
          yield* untilStanding("down", "up")
        }),
      often,
    ),
  )

  it.live("find a new policy while every decision is remembered", () =>
    withTwo(
      (one, two) =>
        Effect.gen(function* () {
          const { revision } = yield* PolicyEngine
          assert.strictEqual(revision(), compiledRevision)
          for (const opa of [one, two])
            opa.conduct((_, response) => respond(response, { result: { decisions: [], revision: "next" } }))
          yield* until(() => revision() === "next")
        }),
      often,
    ),
  )
})

it.effect("queries are spread over the healthy servers", () =>
  withTwo((one, two) =>
    Effect.gen(function* () {
      for (let query = 0; query < 20; query++) yield* decide
      assert.deepStrictEqual([one.queries.length, two.queries.length], [10, 10])
    }),
  ),
)

it.live("connections end with the engine", () =>
  Effect.gen(function* () {
    const opa = yield* startStandInOpa
    yield* Effect.andThen(untilStanding("up"), decide).pipe(Effect.provide(overServers([opa.url])))
    const [took] = yield* Effect.timed(untilSeen(opa.connections, (count) => count === 0))
    // One that is left alone stays for four seconds.
    assert.isBelow(Duration.toMillis(took), 3000)
  }),
)
