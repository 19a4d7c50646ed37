import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Slug } from "../../src/http/Problems.ts"
import { assertProblem } from "../RawAnswer.ts"
import { send } from "../Wire.ts"
import { customerIn, evaluate, evaluations, of, startOfrep } from "./OfrepUnderTest.ts"

type Started = Effect.Success<ReturnType<typeof startOfrep>>

describe("one flag", () => {
  it.effect("is answered with what it is for this customer, and why", () =>
    Effect.gen(function* () {
      const { port, row } = yield* startOfrep()
      yield* row("customer-1", true, { policy: false })
      const { status, headers, json } = yield* evaluate(port, "middleware.policy", of("customer-1"))
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["content-type"], "application/json")
      assert.strictEqual(headers["cache-control"], "no-store")
      assert.deepStrictEqual(json(), {
        key: "middleware.policy",
        value: false,
        variant: "off",
        reason: "TARGETING_MATCH",
        metadata: { because: "row", revision: 1, age_seconds: 0, stale: false },
      })
    }),
  )

  it.effect("follows every change at once", () =>
    Effect.gen(function* () {
      const { port, row, rollout } = yield* startOfrep({ env: { FLAGS_DEFAULT_ENABLED: "true" } })
      const customer = customerIn("canary_25pct")
      const enabled = Effect.map(evaluate(port, "gateway_enabled", of(customer)), ({ json }) => {
        const { value, reason } = json()
        return [value, reason]
      })
      assert.deepStrictEqual(yield* enabled, [true, "DEFAULT"])
      yield* rollout("canary_5pct")
      assert.deepStrictEqual(yield* enabled, [false, "SPLIT"])
      yield* rollout("canary_25pct")
      assert.deepStrictEqual(yield* enabled, [true, "SPLIT"])
      yield* row(customer, false)
      assert.deepStrictEqual(yield* enabled, [false, "TARGETING_MATCH"])
    }),
  )

  it.effect("is stale, and ever older, while the database is away", () =>
    Effect.gen(function* () {
      const { port, row, away } = yield* startOfrep()
      yield* row("customer-1", true)
      yield* away
      yield* TestClock.adjust("90 seconds")
      const { json } = yield* evaluate(port, "gateway_enabled", of("customer-1"))
      assert.deepInclude(json(), {
        value: true,
        reason: "STALE",
        metadata: { because: "row", revision: 1, age_seconds: 90, stale: true },
      })
    }),
  )

  it.effect("is found by its key however that is encoded, and in its own spelling alone", () =>
    Effect.gen(function* () {
      const { port } = yield* startOfrep()
      const encoded = yield* evaluate(port, "middleware%2Erbac", of("customer-1"))
      assert.strictEqual(encoded.json()["key"], "middleware.rbac")
      assertProblem(yield* evaluate(port, "Gateway_Enabled", of("customer-1")), "not-found")
    }),
  )

  it.effect("reads the targetingKey alone of all that is said of the customer", () =>
    Effect.gen(function* () {
      const { port, row } = yield* startOfrep()
      yield* row("customer-1", false)
      yield* row("customer-2", true)
      const context = {
        targetingKey: "customer-1",
        customerId: "customer-2",
        roles: ["admin"],
        more: { a: [1] },
      }
      const { json } = yield* evaluate(port, "gateway_enabled", { context, flags: ["nothing"] })
      assert.strictEqual(json()["value"], false)
    }),
  )
})

describe("all flags", () => {
  it.effect("are answered at once, each as it is alone", () =>
    Effect.gen(function* () {
      const { port, row } = yield* startOfrep()
      yield* row("customer-1", true, { budget: false })
      const { status, json } = yield* evaluate(port, undefined, of("customer-1"))
      assert.strictEqual(status, 200)
      const alone = yield* Effect.forEach(
        ["gateway_enabled", "middleware.rbac", "middleware.policy", "middleware.budget", "rollout_cohort"],
        (key) => Effect.map(evaluate(port, key, of("customer-1")), (answer) => answer.json()),
      )
      assert.deepStrictEqual(json(), { flags: alone })
    }),
  )

  it.effect("are not sent again to who has them by their tag", () =>
    Effect.gen(function* () {
      const { port } = yield* startOfrep()
      const etag = String((yield* evaluate(port, undefined, of("customer-1"))).headers.etag)
      // Alone, among others, and as a client writes it that knows nothing of weak tags.
      for (const known of [etag, `"other", ${etag}`, `${etag},"other"`, etag.replace("W/", "")]) {
        const again = yield* evaluate(port, undefined, of("customer-1"), { "if-none-match": known })
        assert.strictEqual(again.status, 304, known)
        assert.strictEqual(again.body, "")
        assert.strictEqual(again.headers.etag, etag)
      }
      for (const unknown of ["", '"other"', etag.slice(0, -2)]) {
        const again = yield* evaluate(port, undefined, of("customer-1"), { "if-none-match": unknown })
        assert.strictEqual(again.status, 200, unknown)
        assert.strictEqual(again.headers.etag, etag)
      }
    }),
  )

  const changes: ReadonlyArray<readonly [name: string, change: (ofrep: Started) => Effect.Effect<void>]> = [
    ["the customer goes another way", ({ row }) => row("customer-1", false)],
    ["a layer is switched off for the customer", ({ row }) => row("customer-1", true, { rbac: false })],
    ["another customer's row changed, which is another revision", ({ row }) => row("customer-2", false)],
    ["they became stale", ({ away }) => away],
  ]
  it.effect.each(changes)("have another tag once %s", ([, change]) =>
    Effect.gen(function* () {
      const ofrep = yield* startOfrep()
      yield* ofrep.row("customer-1", true)
      const ask = (headers = {}) => evaluate(ofrep.port, undefined, of("customer-1"), headers)
      const before = yield* ask()
      yield* change(ofrep)
      const after = yield* ask({ "if-none-match": String(before.headers.etag) })
      assert.strictEqual(after.status, 200)
      assert.notStrictEqual(after.headers.etag, before.headers.etag)
      assert.notStrictEqual(after.body, before.body)
    }),
  )

  it.effect("keep their tag while nothing but their age changes", () =>
    Effect.gen(function* () {
      const { port, away } = yield* startOfrep()
      yield* away
      const ask = (headers = {}) => evaluate(port, undefined, of("customer-1"), headers)
      const before = yield* ask()
      yield* TestClock.adjust("90 seconds")
      assert.notStrictEqual((yield* ask()).body, before.body)
      assert.strictEqual((yield* ask({ "if-none-match": String(before.headers.etag) })).status, 304)
    }),
  )

  it.effect("of another customer are never taken for this one's", () =>
    Effect.gen(function* () {
      const { port, row } = yield* startOfrep()
      yield* row("customer-2", false)
      const etag = String((yield* evaluate(port, undefined, of("customer-1"))).headers.etag)
      const other = yield* evaluate(port, undefined, of("customer-2"), { "if-none-match": etag })
      assert.strictEqual(other.status, 200)
    }),
  )
})

describe("what cannot be evaluated is a problem document with OFREP's members", () => {
  const json = { "content-type": "application/json" }
  const refusals: ReadonlyArray<
    readonly [
      name: string,
      slug: Slug,
      errorCode: string,
      request: {
        readonly method?: string
        readonly body?: string
        readonly headers?: Record<string, string>
      },
    ]
  > = [
    ["no body", "bad-request", "PARSE_ERROR", { headers: json }],
    ["what is no JSON", "bad-request", "PARSE_ERROR", { headers: json, body: '{"context":' }],
    ["a list", "bad-request", "PARSE_ERROR", { headers: json, body: '[{"context":{}}]' }],
    ["null", "bad-request", "PARSE_ERROR", { headers: json, body: "null" }],
    [
      "another media type",
      "bad-request",
      "PARSE_ERROR",
      { headers: {}, body: JSON.stringify(of("customer-1")) },
    ],
    ["no context", "bad-request", "TARGETING_KEY_MISSING", { headers: json, body: "{}" }],
    ["a context that is a list", "bad-request", "INVALID_CONTEXT", { headers: json, body: '{"context":[]}' }],
    ["a context that is null", "bad-request", "INVALID_CONTEXT", { headers: json, body: '{"context":null}' }],
    [
      "no targetingKey",
      "bad-request",
      "TARGETING_KEY_MISSING",
      { headers: json, body: '{"context":{"id":"customer-1"}}' },
    ],
    [
      "an empty targetingKey",
      "bad-request",
      "TARGETING_KEY_MISSING",
      { headers: json, body: JSON.stringify(of("")) },
    ],
    [
      "a targetingKey that is a number",
      "bad-request",
      "INVALID_CONTEXT",
      { headers: json, body: JSON.stringify(of(7)) },
    ],
    [
      "a targetingKey that is a list",
      "bad-request",
      "INVALID_CONTEXT",
      { headers: json, body: JSON.stringify(of(["customer-1"])) },
    ],
    [
      "more than 64 KiB",
      "payload-too-large",
      "GENERAL",
      { headers: json, body: JSON.stringify(of("x".repeat(65_536))) },
    ],
    ["GET", "method-not-allowed", "GENERAL", { method: "GET" }],
    ["PUT", "method-not-allowed", "GENERAL", { method: "PUT", headers: json, body: "{}" }],
  ]
  it.effect.each(refusals)("%s: %s, %s", ([, slug, errorCode, request]) =>
    Effect.gen(function* () {
      const { port } = yield* startOfrep()
      for (const key of [undefined, "gateway_enabled"]) {
        const path = key === undefined ? evaluations : `${evaluations}/${key}`
        const answer = yield* send(port, { method: "POST", ...request, path })
        const document = assertProblem(answer, slug)
        assert.strictEqual(answer.headers["content-type"], "application/problem+json")
        assert.strictEqual(document["errorCode"], errorCode)
        assert.strictEqual(document["errorDetails"], document["detail"])
        assert.strictEqual(document["key"], key)
        assert.strictEqual(document["instance"], path)
        if (slug === "method-not-allowed") assert.strictEqual(answer.headers["allow"], "POST")
      }
    }),
  )

  it.effect(
    "a customer while nothing is known, and nothing says who may pass: internal-server-error, GENERAL",
    () =>
      Effect.gen(function* () {
        const { port } = yield* startOfrep({ feed: "fails", env: { FLAGS_DEFAULT_ENABLED: "false" } })
        const document = assertProblem(
          yield* evaluate(port, "gateway_enabled", of("customer-1")),
          "internal-server-error",
        )
        assert.deepInclude(document, { key: "gateway_enabled", errorCode: "GENERAL" })
        assert.match(String(document["errorDetails"]), /not known yet/)
      }),
  )

  it.effect("a flag that does not exist: not-found, FLAG_NOT_FOUND", () =>
    Effect.gen(function* () {
      const { port } = yield* startOfrep()
      const document = assertProblem(yield* evaluate(port, "no_such_flag", of("customer-1")), "not-found")
      assert.deepInclude(document, { key: "no_such_flag", errorCode: "FLAG_NOT_FOUND" })
    }),
  )

  it.effect("as application/json for who takes nothing else", () =>
    Effect.gen(function* () {
      const { port } = yield* startOfrep()
      const answer = yield* evaluate(port, "no_such_flag", of("customer-1"), { accept: "application/json" })
      assertProblem(answer, "not-found")
      assert.strictEqual(answer.headers["content-type"], "application/json")
    }),
  )
})
