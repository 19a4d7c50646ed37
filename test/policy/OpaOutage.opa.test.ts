import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { RequestListener } from "node:http"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { startHttpServer } from "../HttpServer.ts"
import { describeLive } from "../Live.ts"
import { startOpaServers } from "../OpaServer.ts"
import { until, untilSeen } from "../Until.ts"
import { send } from "../Wire.ts"

/** As a deployment has it, with a breaker that a test can wait for. */
const patience = { OPA_TIMEOUT_MS: "500", CIRCUIT_BREAKER_OPEN_SECONDS: "1" }

const ask = (gateway: GatewayUnderTest, token: string, path: string, method = "GET") =>
  gateway.send({ method, path: `/pp/api/v1/${path}`, headers: { authorization: `Bearer ${token}` } })

const breakerState = Effect.fnUntraced(function* (gateway: GatewayUnderTest) {
  const headers = { authorization: `Bearer ${yield* gateway.token("PP")}` }
  const answer = yield* gateway.send({ path: "/pp/_gateway/breakers", headers })
  assert.strictEqual(answer.status, 200)
  const { breakers } = answer.json()
  assert.isArray(breakers)
  const found = (Array.isArray(breakers) ? breakers : []).find((each) => each.dependency === "policy-engine")
  return String(found?.state)
})

const stateBecomes = (gateway: GatewayUnderTest, wanted: string) =>
  untilSeen(breakerState(gateway), (state) => state === wanted)

await describeLive("When an OPA server", "TEST_OPA_URLS", () => {
  it.live("of two dies under load, no request fails", () =>
    Effect.gen(function* () {
      const { servers, env } = yield* startOpaServers
      const uncached = { OPA_CACHE_TTL_SECONDS: "0", OPA_CACHE_STALE_SECONDS: "0" }
      const gateway = yield* startGateway({ env: { ...env, ...patience, ...uncached } })
      const token = yield* gateway.token("PP")
      let killed = false
      let afterwards = 0
      const client = Effect.gen(function* () {
        const { status } = yield* ask(gateway, token, "agents")
        assert.strictEqual(status, 200)
        if (killed) afterwards++
      }).pipe(Effect.repeat({ until: () => afterwards > 500 }))
      const load = yield* Effect.forkScoped(
        Effect.all(
          Array.from({ length: 20 }, () => client),
          { concurrency: "unbounded" },
        ),
      )
      yield* until(() => gateway.plant.requests.length > 100)
      yield* servers[0].kill
      killed = true
      yield* Fiber.join(load)
    }),
  )
})

await describeLive("When both OPA servers die", "TEST_OPA_URLS", () => {
  it.live(
    "known decisions are served with their age, unknown ones are 503, and all is well when they return",
    () =>
      Effect.gen(function* () {
        const { servers, env } = yield* startOpaServers
        // Nothing is fresh for long, so that the servers are asked.
        const gateway = yield* startGateway({ env: { ...env, ...patience, OPA_CACHE_TTL_SECONDS: "0.1" } })
        const viewer = yield* gateway.token("PP", { userId: "viewer-1", roles: ["viewer"] })
        assert.strictEqual((yield* ask(gateway, viewer, "agents/a-1")).status, 200)
        assert.strictEqual((yield* ask(gateway, viewer, "users/u-1", "DELETE")).status, 403)

        for (const { kill } of servers) yield* kill
        const outage = Date.now()
        yield* Effect.gen(function* () {
          yield* ask(gateway, viewer, "reports")
          return yield* breakerState(gateway)
        }).pipe(Effect.repeat({ until: (state) => state === "open" }))
        assert.isBelow(Date.now() - outage, 5000)

        const known = yield* ask(gateway, viewer, "agents/a-1")
        assert.strictEqual(known.status, 200)
        assert.match(String(known.headers["x-policy-decision"]), /^cached; age=\d+$/)
        assert.strictEqual((yield* ask(gateway, viewer, "users/u-1", "DELETE")).status, 403)

        const unknown = yield* ask(gateway, viewer, "dashboard")
        assert.strictEqual(unknown.status, 503)
        assert.strictEqual(unknown.headers["x-error-code"], "SERVICE_UNAVAILABLE")
        assert.include(String(unknown.json()["detail"]), "Policy service unavailable")
        assert.isAbove(Number(unknown.headers["retry-after"]), 0)
        // A remembered GET opens no DELETE of the same path, and no door to anybody else.
        assert.strictEqual((yield* ask(gateway, viewer, "agents/a-1", "DELETE")).status, 503)
        const other = yield* gateway.token("PP", { userId: "viewer-2", roles: ["viewer"] })
        assert.strictEqual((yield* ask(gateway, other, "agents/a-1")).status, 503)

        for (const { revive } of servers) yield* revive
        yield* untilSeen(ask(gateway, viewer, "dashboard"), ({ status }) => status === 200)
        yield* stateBecomes(gateway, "closed")
        const fresh = yield* ask(gateway, other, "agents/a-1")
        assert.strictEqual(fresh.status, 200)
        assert.isUndefined(fresh.headers["x-policy-decision"])
      }),
  )

  it.live("with OPA_FALLBACK=wasm this process decides", () =>
    Effect.gen(function* () {
      const { servers, env } = yield* startOpaServers
      const gateway = yield* startGateway({ env: { ...env, ...patience, OPA_FALLBACK: "wasm" } })
      for (const { kill } of servers) yield* kill
      const viewer = yield* gateway.token("PP", { roles: ["viewer"] })
      const allowed = yield* ask(gateway, viewer, "dashboard")
      assert.strictEqual(allowed.status, 200)
      assert.strictEqual(allowed.headers["x-policy-decision"], "fallback")
      assert.strictEqual((yield* ask(gateway, viewer, "users/u-1", "DELETE")).status, 403)
    }),
  )

  it.live("a trial customer's request is refused, never sent to production", () =>
    Effect.gen(function* () {
      const { servers, env } = yield* startOpaServers
      const gateway = yield* startGateway({ env: { ...env, ...patience } })
      for (const { kill } of servers) yield* kill
      const headers = { authorization: `Bearer ${yield* gateway.token("CP", { trial: true })}` }
      assert.strictEqual((yield* gateway.send({ path: "/cp/api/v1/agents", headers })).status, 503)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )
})

const misbehaviours: ReadonlyArray<readonly [name: string, listener: RequestListener]> = [
  ["never answers", () => {}],
  ["answers garbage", (_, response) => void response.end("<html>")],
  ["answers with no result", (_, response) => void response.end("{}")],
  ["answers with an empty result", (_, response) => void response.end('{"result":{}}')],
  ["answers that everything is allowed, and no more", (_, response) => void response.end('{"result":true}')],
  [
    "answers decisions that only allow",
    (_, response) => void response.end('{"result":{"decisions":[{"allow":true}],"revision":"x"}}'),
  ],
  ["answers 500", (_, response) => void response.writeHead(500).end('{"result":{"decisions":[]}}')],
  ["breaks off", (_, response) => void response.destroy()],
]

it.live.each(misbehaviours)("When the policy service %s, the request is denied with 503", ([, listener]) =>
  Effect.gen(function* () {
    const servers = [yield* startHttpServer(listener), yield* startHttpServer(listener)]
    const env = {
      OPA_LAYER: "http",
      OPA_URLS: servers.map(({ url }) => url).join(","),
      OPA_TIMEOUT_MS: "200",
    }
    const gateway = yield* startGateway({ env })
    const headers = { authorization: `Bearer ${yield* gateway.token("PP")}` }
    const answer = yield* send(gateway.port, { path: "/pp/api/v1/agents", headers })
    assert.strictEqual(answer.status, 503)
    assert.strictEqual(gateway.reached(), 0)
  }),
)
