import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Slug } from "../../src/http/Problems.ts"
import { freePort } from "../FreePort.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertProblem } from "../RawAnswer.ts"
import type { Sent } from "../Wire.ts"

const nowhere = { plant: "http://127.0.0.1:1", sandbox: Option.none() }

const signIn = "/cp/api/v1/auth/logout"
const refusals: ReadonlyArray<readonly [Slug, Sent, headers?: Readonly<Record<string, string>>]> = [
  ["unauthorized", { path: "/pp/api/v1/agents" }, { "www-authenticate": 'Bearer realm="gateway"' }],
  ["not-found", { path: "/cp/api/v1/nothing" }],
  ["method-not-allowed", { method: "DELETE", path: "/cp/health" }, { allow: "GET, HEAD" }],
  ["method-not-allowed", { method: "GET", path: signIn }, { allow: "POST" }],
  ["method-not-allowed", { method: "TRACE", path: "/cp/api/v1/agents" }, { allow: "GET, HEAD, POST" }],
  ["payload-too-large", { method: "POST", path: signIn, body: "x".repeat(101) }],
  ["expectation-failed", { method: "POST", path: signIn, headers: { expect: "a-miracle" }, body: "{}" }],
]

describe("RFC 9457", () => {
  it.live.each(refusals)("%s is a whole problem document", ([slug, request, headers = {}]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { MAX_BODY_BYTES: "100" } })
      const answer = yield* gateway.send({ ...request, path: `${request.path}?secret=1` })
      const { instance } = assertProblem(answer, slug)
      assert.strictEqual(instance, request.path)
      assert.strictEqual(answer.headers["content-type"], "application/problem+json")
      assert.strictEqual(answer.headers["cache-control"], "no-store")
      for (const [name, value] of Object.entries(headers)) assert.strictEqual(answer.headers[name], value)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("a WebSocket route without an upgrade is 426, once it is known who asks", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const authorization = `Bearer ${yield* gateway.token("CP")}`
      const answer = yield* gateway.send({ path: "/cp/ws/approvals", headers: { authorization } })
      assertProblem(answer, "upgrade-required")
      assert.strictEqual(answer.headers.upgrade, "websocket")
      assertProblem(yield* gateway.send({ path: "/cp/ws/approvals" }), "unauthorized")
    }),
  )

  it.live("a refusal of HEAD has the headers of the document and no body", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const answer = yield* gateway.send({ method: "HEAD", path: "/cp/api/v1/agents" })
      assert.strictEqual(answer.status, 401)
      assert.strictEqual(answer.headers["x-error-code"], "UNAUTHORIZED")
      assert.strictEqual(answer.body, "")
    }),
  )

  it.live.each([
    ["application/json", "application/json"],
    ["application/json; q=0.9, application/json", "application/json"],
    ["application/json, text/plain, */*", "application/problem+json"],
    ["application/problem+json", "application/problem+json"],
    ["*/*", "application/problem+json"],
    ["", "application/problem+json"],
  ] as const)("for Accept %j the type is %s", ([accept, type]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const answer = yield* gateway.send({ path: "/cp/nothing", headers: { accept } })
      assertProblem(answer, "not-found")
      assert.strictEqual(answer.headers["content-type"], type)
    }),
  )
})

describe("why the backend failed", () => {
  const path = "/cp/api/auth/google/login"

  it.live("is shown in development", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ urls: nowhere })
      const { cause } = assertProblem(yield* gateway.send({ path }), "bad-gateway")
      assert.match(String(cause), /ECONNREFUSED/)
    }),
  )

  it.live("is not shown in production, nor is anything else of the inside", () =>
    Effect.gen(function* () {
      const [port, adminPort] = yield* Effect.all([freePort, freePort])
      const env = { ...production, PORT: String(port), ADMIN_PORT: String(adminPort) }
      const gateway = yield* startGateway({ urls: nowhere, env })
      const answer = yield* gateway.send({ path: path.slice(3) })
      const document = assertProblem(answer, "bad-gateway")
      assert.sameMembers(Object.keys(document), [
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "correlation_id",
      ])
      assert.notMatch(answer.body, /127\.0\.0\.1|ECONN|Error|at |node/)
    }),
  )
})

const production = {
  GATEWAY_PROFILE: "production",
  ENVIRONMENT: "production",
  GATEWAY_TYPE: "CP",
  REDIS_LAYER: "memory",
  POSTGRES_LAYER: "embedded",
  PLANT_API_URL: "http://127.0.0.1:1",
  FLAGS_DEFAULT_ENABLED: "true",
  ENABLE_RBAC_MIDDLEWARE: "false",
  ENABLE_POLICY_MIDDLEWARE: "false",
  ENABLE_BUDGET_MIDDLEWARE: "false",
  ENABLE_AUDIT_MIDDLEWARE: "false",
}
