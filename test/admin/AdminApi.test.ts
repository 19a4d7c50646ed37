import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Readable } from "node:stream"
import { freePort } from "../FreePort.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import type { MintOptions } from "../../src/auth/Mint.ts"

const staff = (gateway: GatewayUnderTest, options: MintOptions) =>
  Effect.map(gateway.token("PP", options), (token) => ({ authorization: `Bearer ${token}` }))

describe("The admin API over the wire", () => {
  it.live("answers staff on PP, and nothing of it reaches Plant", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const headers = yield* staff(gateway, { roles: ["infrastructure_engineer"] })
      const path = "/pp/_gateway/policy"
      const answer = yield* gateway.send({ path, headers })
      assert.deepStrictEqual([answer.status, answer.json()["layer"]], [200, "wasm"])
      const head = yield* gateway.send({ method: "HEAD", path, headers })
      assert.deepStrictEqual([head.status, head.body], [200, ""])
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("refuses with problem documents, as every route does", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const path = "/pp/_gateway/breakers/redis/force"
      const answer = yield* gateway.send({
        method: "POST",
        path: `${path}?secret=1`,
        headers: {
          ...(yield* staff(gateway, { roles: ["viewer"] })),
          "x-correlation-id": "correlation-1",
        },
        body: "{}",
      })
      assert.strictEqual(answer.status, 403)
      assert.strictEqual(answer.headers["content-type"], "application/problem+json")
      assert.strictEqual(answer.headers["x-error-code"], "PERMISSION_DENIED")
      assert.deepStrictEqual(answer.json(), {
        type: "https://waooaw.com/errors/permission-denied",
        title: "Permission Denied",
        status: 403,
        detail: "This needs the role admin or infrastructure_engineer.",
        instance: path,
        correlation_id: "correlation-1",
        permission: "breakers.force",
        required_roles: ["admin", "infrastructure_engineer"],
      })
    }),
  )

  it.live("says which methods a path has", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const headers = yield* staff(gateway, {})
      const answer = yield* gateway.send({ method: "DELETE", path: "/pp/_gateway/policy", headers })
      assert.deepStrictEqual([answer.status, answer.headers["allow"]], [405, "GET, HEAD"])
    }),
  )

  it.live("gives up a body of unknown length that is too long, and serves the next request", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const path = "/pp/_gateway/breakers/redis/force"
      const headers = { ...(yield* staff(gateway, {})), "content-type": "application/json" }
      const body = Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(1024, "x")))
      const tooLong = yield* gateway.send({ method: "POST", path, headers, body })
      assert.deepStrictEqual([tooLong.status, tooLong.headers["x-error-code"]], [413, "PAYLOAD_TOO_LARGE"])
      assert.strictEqual((yield* gateway.send({ method: "POST", path, headers, body: "{}" })).status, 400)
    }),
  )

  it.live("is not on the customers' portal, and takes no customer's token", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const token = yield* gateway.token("CP", { roles: ["governor"] })
      const headers = { authorization: `Bearer ${token}` }
      const statuses = yield* Effect.forEach(["/cp/_gateway/policy", "/pp/_gateway/policy"], (path) =>
        Effect.map(gateway.send({ path, headers }), ({ status }) => status),
      )
      assert.deepStrictEqual(statuses, [404, 401])
    }),
  )

  it.live("lets those in who have to mend the policy service while it is away", () =>
    Effect.gen(function* () {
      const nowhere = `http://127.0.0.1:${yield* freePort}`
      const env = { OPA_LAYER: "http", OPA_URLS: `${nowhere},${nowhere.replace("127.0.0.1", "localhost")}` }
      const gateway = yield* startGateway({ env })
      const headers = yield* staff(gateway, { roles: ["infrastructure_engineer"] })
      assert.strictEqual((yield* gateway.send({ path: "/pp/api/v1/dashboard", headers })).status, 503)
      const answer = yield* gateway.send({
        method: "POST",
        path: "/pp/_gateway/breakers/policy-engine/force",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ state: "open", reason: "Both servers are gone.", minutes: 5 }),
      })
      assert.deepStrictEqual([answer.status, answer.json()["state"]], [200, "open"])
    }),
  )

  it.live("serves nobody while authentication is switched off", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { ENABLE_AUTH_MIDDLEWARE: "false" } })
      const { status, headers } = yield* gateway.send({
        path: "/pp/_gateway/policy",
        headers: yield* staff(gateway, {}),
      })
      assert.deepStrictEqual([status, headers["x-error-code"]], [401, "UNAUTHORIZED"])
    }),
  )
})
