import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import type { ServerResponse } from "node:http"
import type { PolicyUnavailable } from "../../../src/policy/PolicyEngine.ts"
import { until } from "../../Until.ts"
import { compiledRevision } from "../wasm/Compiled.ts"
import { respond } from "./StandInOpa.ts"
import { decideMany, reasonOf, towardsRequests, withTwo } from "./TwoOpas.ts"

/** An answer came, and it is none that can be acted on. */
const answers: ReadonlyArray<
  readonly [
    name: string,
    reason: PolicyUnavailable["reason"],
    line: RegExp,
    answer: (response: ServerResponse) => void,
  ]
> = [
  ["an error status", "status", /answered with status 500/, (response) => respond(response, {}, 500)],
  ["a redirect", "status", /answered with status 302/, (response) => respond(response, {}, 302)],
  ["what is no JSON", "unreadable", /no JSON object/, (response) => response.end("<html>")],
  ["what is no object", "unreadable", /no JSON object/, (response) => respond(response, [])],
  ["no result", "undefined", /holds no policy/, (response) => respond(response, {})],
  ["another result", "unreadable", /no decisions/, (response) => respond(response, { result: true })],
  [
    "no list of decisions",
    "unreadable",
    /no decisions/,
    (response) => respond(response, { result: { decisions: {}, revision: "r" } }),
  ],
  [
    "fewer decisions than requests",
    "unreadable",
    /gave 9 decisions for 10 requests/,
    (response) => respond(response, { result: { decisions: Array(9).fill(null), revision: "r" } }),
  ],
  [
    "no revision",
    "unreadable",
    /which policy decided/,
    (response) => respond(response, { result: { decisions: Array(10).fill(null) } }),
  ],
  [
    "more than a quarter of a mebibyte",
    "unreadable",
    /more than 262144 bytes/,
    (response) => respond(response, { result: " ".repeat(300_000) }),
  ],
  ["what is no HTTP", "unreadable", /no HTTP/, (response) => response.socket?.end("+OK ready\r\n\r\n")],
]

describe("a query that is answered with", () => {
  it.effect.each(answers)(
    "%s fails each of its requests, and once, when asking each alone does not help",
    ([, reason, line, answer]) =>
      withTwo((one, two, log) =>
        Effect.gen(function* () {
          for (const opa of [one, two]) opa.conduct(towardsRequests(opa, answer))
          const exits = yield* decideMany(10)
          assert.deepStrictEqual([...new Set(exits.map(reasonOf))], [reason])
          // It is one failure, and the circuit breaker counts it once.
          assert.lengthOf([...new Set(exits.map((exit) => Option.getOrThrow(Exit.findErrorOption(exit))))], 1)
          assert.deepStrictEqual(
            [...one.queries, ...two.queries].toSorted((a, b) => b - a),
            [10, ...Array.from({ length: 10 }, () => 1)],
          )
          yield* until(() => log.some((message) => message.includes("10 of 10 requests got no answer.")))
          const said = log.filter((message) => message.includes("OPA gave no decisions"))
          assert.strictEqual(said.length, 1)
          assert.match(String(said[0]), line)
        }),
      ),
  )

  it.effect("a decision missing and one unreadable fails these two alone, and says so once", () =>
    withTwo((one, two, log) =>
      Effect.gen(function* () {
        for (const opa of [one, two])
          opa.conduct((requests, response) => {
            const decisions: Array<unknown> = requests.map(() => allowance)
            decisions[1] = null
            decisions[3] = { ...allowance, allow: "yes" }
            respond(response, { result: { decisions, revision: compiledRevision } })
          })
        const reasons = (yield* decideMany(5)).map(reasonOf)
        assert.deepStrictEqual(reasons, ["decided", "undefined", "decided", "unreadable", "decided"])
        assert.deepStrictEqual(
          log.filter((message) => message.includes("OPA gave no")),
          ["Warn: OPA gave no whole decision for 2 of 5 requests."],
        )
      }),
    ),
  )
})

const allowance = {
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
