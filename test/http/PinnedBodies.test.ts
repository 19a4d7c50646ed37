import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { gzipSync } from "node:zlib"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import type { Sent } from "../Wire.ts"

const ask = Effect.fnUntraced(function* (
  gateway: GatewayUnderTest,
  headers: NonNullable<Sent["headers"]>,
  body: string | Buffer,
) {
  const authorization = `Bearer ${yield* gateway.token("CP", { customerId: "customer-7" })}`
  return yield* gateway.send({
    method: "POST",
    path: "/cp/api/v1/payments/razorpay/order",
    headers: { ...headers, authorization },
    body,
  })
})

describe("a body that must name the customer", () => {
  const json = { "content-type": "application/json" }

  it.live.each([
    ["is no JSON", json, "customer_id=1", 400],
    ["is not said to be JSON", { "content-type": "text/plain" }, "{}", 400],
    ["is missing", json, "", 400],
    ["is compressed", { ...json, "content-encoding": "gzip" }, gzipSync("{}"), 400],
    ["declares more than the limit", json, `{"a":"${"x".repeat(200)}"}`, 413],
    [
      "is more than the limit, in chunks",
      { ...json, "transfer-encoding": "chunked" },
      `{"a":"${"x".repeat(200)}"}`,
      413,
    ],
  ] as const)("is refused when it %s", ([, headers, body, status]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { MAX_BODY_BYTES: "100" } })
      const answer = yield* ask(gateway, headers, body)
      assert.strictEqual(answer.status, status)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("may come in chunks, and goes on with its length", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const headers = { ...json, "transfer-encoding": "chunked" }
      const answer = yield* ask(gateway, headers, "{}")
      const body = '{"customer_id":"customer-7"}'
      assert.deepInclude(answer.json()["echo"], { body })
      const names = gateway.plant.requests.at(-1)?.rawHeaders ?? []
      assert.deepStrictEqual(
        names
          .filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
          .map(([, value]) => value),
        [String(body.length)],
      )
    }),
  )
})
