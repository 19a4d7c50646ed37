import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { assertProblem } from "../RawAnswer.ts"
import type { Sent } from "../Wire.ts"

const signIn: Sent = { method: "POST", path: "/cp/api/v1/auth/otp/start", body: "{}" }
const proxied = { TRUSTED_PROXIES: "127.0.0.1/32", AUTH_RATE_LIMIT_PER_MINUTE: "2" }

/** The statuses of as many sign-in requests, one after the other. */
const signingIn = (gateway: GatewayUnderTest, times: number, request: Sent = signIn) =>
  Effect.map(Effect.all(Array.from({ length: times }, () => gateway.send(request))), (answers) =>
    answers.map(({ status }) => status),
  )
const from = (address: string): Sent => ({ ...signIn, headers: { "x-forwarded-for": address } })

describe("sign-in requests of one address", () => {
  it.live("are 30 a minute; the 31st is told when to come again, and does not reach Plant", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      assert.deepStrictEqual(
        yield* signingIn(gateway, 30),
        Array.from({ length: 30 }, () => 200),
      )
      const answer = yield* gateway.send({ ...signIn, path: "/pp/api/v1/auth/refresh" })
      const document = assertProblem(answer, "too-many-requests")
      assert.match(answer.headers["retry-after"] ?? "", /^([1-9]|[1-5]\d|60)$/)
      assert.deepInclude(document, {
        limit: 30,
        window_seconds: 60,
        retry_after_seconds: Number(answer.headers["retry-after"]),
      })
      assert.strictEqual(gateway.reached(), 30)
    }),
  )

  it.live("are not those of other routes", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { AUTH_RATE_LIMIT_PER_MINUTE: "1" } })
      assert.deepStrictEqual(yield* signingIn(gateway, 2), [200, 429])
      const authorization = `Bearer ${yield* gateway.token("CP")}`
      for (const path of ["/cp/api/v1/agents", "/cp/api/v1/auth/me", "/cp/health"]) {
        assert.deepStrictEqual(yield* signingIn(gateway, 2, { path, headers: { authorization } }), [200, 200])
      }
    }),
  )

  it.live("are not limited with RATE_LIMIT_ENABLED=false", () =>
    Effect.gen(function* () {
      const env = { RATE_LIMIT_ENABLED: "false", AUTH_RATE_LIMIT_PER_MINUTE: "1" }
      assert.deepStrictEqual(yield* signingIn(yield* startGateway({ env }), 3), [200, 200, 200])
    }),
  )
})

describe("the address", () => {
  it.live("behind a trusted proxy is the one that the proxy saw", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: proxied })
      assert.deepStrictEqual(yield* signingIn(gateway, 3, from("192.0.2.1")), [200, 200, 429])
      assert.deepStrictEqual(yield* signingIn(gateway, 1, from("192.0.2.2")), [200])
      // What stands before the proxy's own entry is what the client says of itself.
      assert.deepStrictEqual(yield* signingIn(gateway, 1, from("198.51.100.7, 192.0.2.1")), [429])
    }),
  )

  it.live("of a peer that is no trusted proxy is its own, whatever it says", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { ...proxied, TRUSTED_PROXIES: "192.0.2.0/24" } })
      const statuses = yield* Effect.all([1, 2, 3].map((i) => signingIn(gateway, 1, from(`198.51.100.${i}`))))
      assert.deepStrictEqual(statuses.flat(), [200, 200, 429])
    }),
  )

  it.live("of IPv6 is the whole network of a subscriber, because all of it is one client's", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: proxied })
      const addresses = [
        "2001:db8:1:2::1",
        "2001:db8:1:2::2",
        "2001:db8:1:2:ffff:ffff:ffff:ffff",
        "2001:db8:1:3::1",
      ]
      const statuses = yield* Effect.all(addresses.map((address) => signingIn(gateway, 1, from(address))))
      assert.deepStrictEqual(statuses.flat(), [200, 200, 429, 200])
    }),
  )
})
