import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { copyPassing, listedByConnection, passesToClient, passesUpstream } from "../../src/http/Headers.ts"

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
]
const gatewaysOwn = [
  "x-user-id",
  "x-user-x",
  "x-customer-id",
  "x-trial-mode",
  "x-gateway",
  "x-gateway-type",
  "x-gatewayx",
  "x-original-authorization",
  "x-metering-cost",
  "x-target-backend",
  "x-correlation-id",
  "x-causation-id",
  "x-request-id",
  "traceparent",
]
const ofRequests = [
  "host",
  "expect",
  "trailer",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-x",
  "x-real-ip",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
  "proxy",
]
const ofAnswers = ["access-control-allow-origin", "access-control-x"]
const harmless = [
  "accept",
  "authorization",
  "content-length",
  "content-type",
  "cookie",
  "set-cookie",
  "user-agent",
  "x-customer",
  "x-trial",
  "x-user",
  "x-a-b-c",
]

/** A name with some letters in upper case, some `-` as `_`, and with a value. */
const Field = Schema.Struct({
  name: Schema.Literals([...hopByHop, ...gatewaysOwn, ...ofRequests, ...ofAnswers, ...harmless]),
  upper: Schema.Array(Schema.Boolean),
  underscore: Schema.Array(Schema.Boolean),
  value: Schema.String,
})
const spelled = ({ name, upper, underscore }: typeof Field.Type) =>
  [...name]
    .map((character, index) =>
      character === "-" && underscore[index] === true
        ? "_"
        : upper[index] === true
          ? character.toUpperCase()
          : character,
    )
    .join("")

const Fields = Schema.Array(Field)
const Listed = Schema.Array(Schema.Literals([...harmless, "close", "keep-alive"]))

describe.each([
  ["upstream", passesUpstream, [...hopByHop, ...gatewaysOwn, ...ofRequests]],
  ["to the client", passesToClient, [...hopByHop, ...gatewaysOwn, ...ofAnswers]],
] as const)("%s", (_, passes, forbidden) => {
  it.prop(
    "nothing forgeable or hop-by-hop passes; all else does, in order, spelling and number",
    [Fields, Listed],
    ([fields, listed]) => {
      const raw = fields.flatMap((field) => [spelled(field), field.value])
      const wanted = fields.filter((field) => {
        const isListed = listed.some((name) => name === spelled(field).toLowerCase())
        return !forbidden.includes(field.name) && !isListed
      })
      assert.deepStrictEqual(
        copyPassing(raw, passes, listedByConnection(listed.length === 0 ? undefined : listed.join(" , "))),
        wanted.flatMap((field) => [spelled(field), field.value]),
      )
    },
  )

  it("still judges when more names have come by than it remembers", () => {
    for (let index = 0; index < 2000; index++) assert.isTrue(passes(`x-invented-${index}`))
    for (const name of forbidden) {
      assert.isFalse(passes(name))
      assert.isFalse(passes(name.toUpperCase().replaceAll("-", "_")))
    }
    assert.isTrue(passes("Accept"))
  })
})
