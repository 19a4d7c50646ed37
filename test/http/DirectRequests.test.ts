import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { notEnrolled, requestsAt, startFlagged } from "../flags/FlaggedGateway.ts"

const rows = { "customer-1": notEnrolled }

/** What this hop writes of itself; the first three as every client does. */
const ofThisHop = [
  "connection",
  "content-length",
  "host",
  "traceparent",
  "x-causation-id",
  "x-correlation-id",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
]

const forged = [
  "X-Gateway: forged",
  "X-Gateway-Type: forged",
  "X-User-Id: forged",
  "X-User-Roles: forged",
  "X-User-Role-Level: forged",
  "X-Customer-ID: forged",
  "x_customer_id: forged",
  "X-Trial-Mode: forged",
  "X-Target-Backend: forged",
  "X-Original-Authorization: forged",
  "X-Metering-Cost: forged",
  "X-Causation-ID: forged",
  "X-Forwarded-For: forged",
]

describe("the direct integration", () => {
  it.live("gets the request as it was sent, and of this hop nothing but how to follow it", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const body = `{ "customer_id": "customer-9", "text": "caf\u00e9" }`
      const sent = [
        ["X-Zebra", "1"],
        ["authorization", yield* gateway.bearer("CP")],
        ["x-Apple", "a, b"],
        ["X-Zebra", "2"],
        ["Cookie", "a=1"],
        ["Content-Type", "application/json"],
        ["X-Empty", ""],
        ["X-Bytes", "caf\u00e9 \u00ff"],
      ]
      const target = "/api/v1/hired-agents/draft?customer_id=customer-9&a&b=%20&e=+&f=%7e&?=j;k='(l)'"
      yield* gateway.raw(
        Buffer.from(
          `POST /cp${target} HTTP/1.1\r\nHost: gateway\r\nConnection: close, X-Listed\r\nX-Listed: 1\r\n` +
            `Content-Length: ${body.length}\r\nX-Correlation-ID: the-request\r\n${forged.join("\r\n")}\r\n` +
            `${sent.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n${body}`,
          "latin1",
        ),
      )
      assert.strictEqual(requestsAt(gateway.direct), gateway.reached())
      const [got] = gateway.direct.requests.slice(-1)
      if (got === undefined) return assert.fail("Nothing came.")
      assert.deepStrictEqual([got.method, got.url, got.bodyBytes], ["POST", target, body.length])
      const clientNames = new Set(sent.map(([name]) => name))
      const ofTheClient = got.rawHeaders.filter(([name]) => clientNames.has(name))
      assert.deepStrictEqual(
        ofTheClient.map((pair) => [...pair]),
        sent,
      )
      const others = got.rawHeaders.filter(([name]) => !clientNames.has(name))
      assert.deepStrictEqual(others.map(([name]) => name.toLowerCase()).toSorted(), ofThisHop)
      const value = (wanted: string) => others.find(([name]) => name.toLowerCase() === wanted)?.[1]
      assert.strictEqual(value("x-correlation-id"), "the-request")
      assert.strictEqual(value("x-forwarded-for"), "127.0.0.1")
      assert.strictEqual(value("x-forwarded-host"), "gateway")
    }),
  )

  it.live.each([
    ["GET", "/api/v1/agents/a-1", undefined],
    ["HEAD", "/api/v1/agents", undefined],
    ["PATCH", "/api/v1/agents/a-1", "{}"],
    ["DELETE", "/api/v1/agents/a-1", undefined],
    ["POST", "/api/v1/payments/razorpay/order", `{"customer_id":"customer-9"}`],
    ["POST", "/api/v1/payments/razorpay/order", "no JSON"],
    ["GET", "/api/v1/trial-status?customer_id=customer-9", undefined],
    ["GET", "/api/v1/hired-agents/by-customer/customer-9", undefined],
  ] as const)("gets %s %s with body %s, whatever the policies would say of it", ([method, path, body]) =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const headers = { "content-type": "application/json", "content-length": String(body?.length ?? 0) }
      const answer = yield* gateway.ask({ method, path, ...(body === undefined ? {} : { body, headers }) })
      assert.isBelow(answer.status, 300)
      const got = gateway.direct.requests.at(-1)
      assert.deepStrictEqual([got?.method, got?.url], [method, path])
      if (method !== "HEAD")
        assert.deepInclude(Object(answer.json()["echo"]), { method, url: path, body: body ?? "" })
    }),
  )
})
