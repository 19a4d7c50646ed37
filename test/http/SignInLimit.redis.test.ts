import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { describeLive } from "../Live.ts"
import { startRelay } from "../TcpRelay.ts"

/** An address that no earlier run has used up. */
const anyAddress = () => `2001:db8:${randomBytes(2).toString("hex")}:${randomBytes(2).toString("hex")}::1`

const signingIn = (gateway: GatewayUnderTest, address: string) =>
  Effect.map(
    gateway.send({
      method: "POST",
      path: "/cp/api/v1/auth/otp/start",
      headers: { "x-forwarded-for": address },
      body: "{}",
    }),
    ({ status }) => status,
  )

const env = (url: string) => ({
  REDIS_LAYER: "ioredis",
  REDIS_URL: url,
  TRUSTED_PROXIES: "127.0.0.1",
  AUTH_RATE_LIMIT_PER_MINUTE: "3",
})

await describeLive("the sign-in limit over Redis", "TEST_REDIS_URL", (url) => {
  it.live("is one limit for all instances", () =>
    Effect.gen(function* () {
      const one = yield* startGateway({ env: env(url) })
      const other = yield* startGateway({ env: env(url) })
      const address = anyAddress()
      const statuses: Array<number> = []
      for (const gateway of [one, other, one, other, one]) statuses.push(yield* signingIn(gateway, address))
      assert.deepStrictEqual(statuses, [200, 200, 200, 429, 429])
    }),
  )

  it.live("is each instance's own while Redis is away, and no sign-in fails for that", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      const gateway = yield* startGateway({ env: env(relay.url) })
      const address = anyAddress()
      yield* relay.vanish
      const statuses: Array<number> = []
      for (let i = 0; i < 4; i++) statuses.push(yield* signingIn(gateway, address))
      assert.deepStrictEqual(statuses, [200, 200, 200, 429])
    }),
  )

  it.live("and Redis has its line in /ready", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      const gateway = yield* startGateway({ env: env(relay.url) })
      const ready = gateway.send({ path: "/ready" })
      const { json } = yield* ready
      assert.strictEqual(json()["status"], "ready")
      assert.include(JSON.stringify(json()["dependencies"]), '{"name":"redis","status":"up"')
      yield* relay.vanish
      const away = yield* Effect.repeat(ready, { until: (answer) => answer.json()["status"] === "degraded" })
      assert.strictEqual(away.status, 200)
      assert.include(away.body, '{"name":"redis","status":"down"')
    }),
  )
})
