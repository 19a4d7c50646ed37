import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"

const path = "/cp/api/auth/google/login"
const trace = "0af7651916cd43dd8448eb211c80319c"
const span = "b7ad6b7169203331"

/** Version, trace, span and flags of what Plant was sent. */
const sentOn = (gateway: GatewayUnderTest) => {
  const sent = gateway.plant.requests
    .at(-1)
    ?.rawHeaders.filter(([name]) => name.toLowerCase() === "traceparent")
  assert.lengthOf(sent ?? [], 1)
  const value = sent?.[0]?.[1] ?? ""
  assert.match(value, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
  assert.notMatch(value, /-0+-/)
  const [, traceId, spanId, flags] = value.split("-")
  return { traceId, spanId, flags }
}

describe("traceparent", () => {
  it.live.each(["00", "01"])(
    "of the client is continued with a span of the gateway's and its own flags, %s",
    (flags) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway()
        yield* gateway.send({
          path,
          headers: { traceparent: `00-${trace}-${span}-${flags}`, tracestate: "a=1" },
        })
        const sent = sentOn(gateway)
        assert.strictEqual(sent.traceId, trace)
        assert.notStrictEqual(sent.spanId, span)
        assert.strictEqual(sent.flags, flags)
      }),
  )

  it.live.each([
    undefined,
    "",
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace}-${span}`,
    `00-${trace}-${span}-01-more`,
    `00-${trace}-${span}-01, 00-${trace}-${span}-01`,
  ])("is a new one that nobody samples when the client's is %s", (traceparent) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const seen = new Set<string | undefined>()
      for (let i = 0; i < 3; i++) {
        yield* gateway.send({ path, headers: traceparent === undefined ? {} : { traceparent } })
        const { flags, traceId } = sentOn(gateway)
        assert.strictEqual(flags, "00")
        assert.notStrictEqual(traceId, trace)
        seen.add(traceId)
      }
      assert.strictEqual(seen.size, 3)
    }),
  )
})
