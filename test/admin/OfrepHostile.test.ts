import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, Context, Effect, Layer, Schema } from "effect"
import { connect } from "node:net"
import { Readable } from "node:stream"
import { assertProblem } from "../RawAnswer.ts"
import { type Answer, send } from "../Wire.ts"
import { evaluate, evaluations, of, startOfrep } from "./OfrepUnderTest.ts"

class Port extends Context.Service<Port, number>()("test/admin/OfrepHostile/Port") {}

/** Of the shape of a request as often as not. */
const likely = Schema.Struct({
  context: Schema.Union([Schema.Json, Schema.Struct({ targetingKey: Schema.Json, more: Schema.Json })]),
})

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** By the protocol alone: an object with a context with a key that is text. */
const isEvaluable = (sent: unknown): boolean => {
  const context = isObject(sent) ? Object.entries(sent).find(([name]) => name === "context")?.[1] : undefined
  const key = isObject(context)
    ? Object.entries(context).find(([name]) => name === "targetingKey")?.[1]
    : undefined
  return typeof key === "string" && key !== ""
}

const assertRefused = (answer: Answer) =>
  assert.include(
    ["PARSE_ERROR", "INVALID_CONTEXT", "TARGETING_KEY_MISSING"],
    assertProblem(answer, "bad-request")["errorCode"],
  )

const prototypes = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"]

const json = { "content-type": "application/json" }
const endless = () =>
  Readable.from(
    (function* () {
      for (;;) yield "x".repeat(65_536)
    })(),
  )

const listening = Layer.effect(
  Port,
  Effect.map(Effect.orDie(startOfrep()), ({ port }) => port),
)

layer(listening, { excludeTestServices: true })("OFREP", (it) => {
  describe("whatever is sent", () => {
    it.effect.prop(
      "JSON is evaluated when it names a customer, and refused when not",
      [Schema.Union([Schema.Json, likely])],
      ([sent]) =>
        Effect.gen(function* () {
          const answer = yield* evaluate(yield* Port, undefined, JSON.stringify(sent))
          if (isEvaluable(sent)) assert.strictEqual(answer.status, 200)
          else assertRefused(answer)
        }),
      { arbitrary: { runs: 300 } },
    )

    it.effect.prop(
      "bytes are refused",
      [Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))))],
      ([bytes]) =>
        Effect.gen(function* () {
          assertRefused(yield* evaluate(yield* Port, undefined, Buffer.from(bytes)))
        }),
      { arbitrary: { runs: 100 } },
    )

    it.effect.prop(
      "the key of a flag that does not exist comes back as it was sent",
      [Schema.NonEmptyString],
      ([key]) =>
        Effect.gen(function* () {
          const sent = encodeURIComponent(`no-${key.toWellFormed()}`)
          const document = assertProblem(yield* evaluate(yield* Port, sent, of("customer-1")), "not-found")
          assert.deepInclude(document, { errorCode: "FLAG_NOT_FOUND", key: `no-${key.toWellFormed()}` })
        }),
      { arbitrary: { runs: 100 } },
    )
  })

  describe("names that JavaScript gives a meaning", () => {
    it.effect.each(prototypes)("%s is no flag, and a customer's id like any other", (name) =>
      Effect.gen(function* () {
        const port = yield* Port
        const document = assertProblem(yield* evaluate(port, name, of("customer-1")), "not-found")
        assert.deepInclude(document, { key: name, errorCode: "FLAG_NOT_FOUND" })
        assert.strictEqual((yield* evaluate(port, "gateway_enabled", of(name))).status, 200)
      }),
    )

    it.effect.each(prototypes)("%s gives a request nothing that it does not say itself", (name) =>
      Effect.gen(function* () {
        const port = yield* Port
        const key = '{"targetingKey":"customer-1"}'
        for (const body of [
          `{"${name}":{"context":${key}}}`,
          `{"context":{"${name}":${key}}}`,
          `{"context":{"targetingKey":{"${name}":"customer-1"}}}`,
        ])
          assertRefused(yield* evaluate(port, undefined, body))
        assert.isUndefined(Reflect.get({}, "targetingKey"))
      }),
    )
  })

  describe("a body without measure", () => {
    const huge: ReadonlyArray<readonly [name: string, body: () => Buffer | Readable]> = [
      ["that says how long it is", () => Buffer.alloc(32 * 1024 * 1024, "x")],
      ["without an end", endless],
    ]
    it.effect.each(huge)("%s is refused, and the next one answered", ([, body]) =>
      Effect.gen(function* () {
        const port = yield* Port
        const answer = yield* send(port, { method: "POST", path: evaluations, headers: json, body: body() })
        assert.strictEqual(assertProblem(answer, "payload-too-large")["errorCode"], "GENERAL")
        assert.strictEqual((yield* evaluate(port, undefined, of("customer-1"))).status, 200)
      }),
    )

    it.effect("that is nested without measure is refused or evaluated like any other", () =>
      Effect.gen(function* () {
        const port = yield* Port
        assertRefused(yield* evaluate(port, undefined, "[".repeat(60_000)))
        const nested = "[".repeat(30_000) + "]".repeat(30_000)
        const body = `{"context":{"targetingKey":"customer-1","more":${nested}}}`
        assert.strictEqual((yield* evaluate(port, undefined, body)).status, 200)
      }),
    )
  })

  it.effect("a client that goes away within its request leaves the others alone", () =>
    Effect.gen(function* () {
      const port = yield* Port
      yield* Effect.callback<void>((resume) => {
        const head = `POST ${evaluations} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`
        const socket = connect(port, "127.0.0.1", () => socket.write(head, () => socket.resetAndDestroy()))
        socket.on("error", () => {}).on("close", () => resume(Effect.void))
      })
      assert.strictEqual((yield* evaluate(port, undefined, of("customer-1"))).status, 200)
    }),
  )
})
