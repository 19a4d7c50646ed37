import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lastHeader, startGateway } from "../GatewayUnderTest.ts"
import { assertProblem } from "../RawAnswer.ts"

const path = "/api/auth/google/login"
const byHost = { CP_HOSTS: "cp.example", PP_HOSTS: "pp.example" }

describe("GATEWAY_TYPE=BOTH with host names", () => {
  it.live.each([
    ["cp.example", "CP"],
    ["CP.example:8443", "CP"],
    ["pp.example:80", "PP"],
  ] as const)("%s is %s, under no prefix", ([host, portal]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: byHost })
      const answer = yield* gateway.send({ path, headers: { host } })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(lastHeader(gateway.plant, "x-gateway-type"), portal)
      assert.strictEqual((yield* gateway.send({ path: `/cp${path}`, headers: { host } })).status, 404)
    }),
  )

  it.live.each(["other.example", "cp.example.evil.example", "127.0.0.1", "pp.example."])(
    "%s is neither: no route but health",
    (host) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway({ env: byHost })
        assertProblem(yield* gateway.send({ path, headers: { host } }), "not-found")
        assert.strictEqual((yield* gateway.send({ path: "/health", headers: { host } })).status, 200)
        assert.strictEqual(gateway.reached(), 0)
      }),
  )

  it.live("the forwarded host counts when a trusted proxy says it, and else not", () =>
    Effect.gen(function* () {
      const headers = { host: "cp.example", "x-forwarded-host": "pp.example" }
      const statusWith = (env: Readonly<Record<string, string>>) =>
        Effect.gen(function* () {
          const gateway = yield* startGateway({ env: { ...byHost, ...env } })
          const authorization = `Bearer ${yield* gateway.token("PP")}`
          return (yield* gateway.send({ path: "/api/v1/agents", headers: { ...headers, authorization } }))
            .status
        })
      assert.strictEqual(yield* statusWith({ TRUSTED_PROXIES: "127.0.0.1" }), 200)
      assert.strictEqual(yield* statusWith({}), 401)
    }),
  )
})

it.live.each(["CP", "PP"] as const)("GATEWAY_TYPE=%s: that portal alone, under no prefix", (portal) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env: { GATEWAY_TYPE: portal } })
    const other = portal === "CP" ? "PP" : "CP"
    const asking = (token: string, at: string) =>
      gateway.send({ path: at, headers: { authorization: `Bearer ${token}` } })
    const [own, foreign] = [yield* gateway.token(portal), yield* gateway.token(other)]
    assert.strictEqual((yield* asking(own, "/api/v1/agents")).status, 200)
    assertProblem(yield* asking(foreign, "/api/v1/agents"), "invalid-token")
    const nothing = assertProblem(yield* asking(own, `/${portal.toLowerCase()}/api/v1/agents`), "not-found")
    assert.strictEqual(nothing["instance"], `/${portal.toLowerCase()}/api/v1/agents`)
    assert.strictEqual(gateway.reached(), 1)
  }),
)
