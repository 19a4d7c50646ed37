import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"

it.live("ENABLE_ERROR_MIDDLEWARE=false: a refusal leaves with its bare status and its own headers", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env: { ENABLE_ERROR_MIDDLEWARE: "false" } })
    const answers = yield* Effect.all([
      gateway.send({ path: "/cp/api/v1/agents" }),
      gateway.send({ path: "/cp/nothing" }),
      gateway.send({ method: "POST", path: "/cp/health" }),
      gateway.send({ path: "/cp//health" }),
    ])
    assert.deepStrictEqual(
      answers.map(({ status }) => status),
      [401, 404, 405, 400],
    )
    for (const { body, headers } of answers) {
      assert.strictEqual(body, "")
      assert.isUndefined(headers["content-type"])
      assert.isUndefined(headers["x-error-code"])
      assert.isString(headers["x-correlation-id"])
    }
    assert.strictEqual(answers[0].headers["www-authenticate"], 'Bearer realm="gateway"')
    assert.strictEqual(answers[2].headers.allow, "GET, HEAD")
  }),
)

it.live("ENABLE_ERROR_MIDDLEWARE=false: a backend that is away is a bare 502", () =>
  Effect.gen(function* () {
    const urls = { plant: "http://127.0.0.1:1", sandbox: Option.none() }
    const gateway = yield* startGateway({ urls, env: { ENABLE_ERROR_MIDDLEWARE: "false" } })
    const answer = yield* gateway.send({ path: "/cp/api/auth/google/login" })
    assert.strictEqual(answer.status, 502)
    assert.strictEqual(answer.body, "")
  }),
)

it.live.each([
  ["no token", {}],
  ["a token that is none", { authorization: "Bearer nonsense" }],
] as const)(
  "ENABLE_AUTH_MIDDLEWARE=false: a request with %s passes, and says nothing of who it is",
  ([, headers]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { ENABLE_AUTH_MIDDLEWARE: "false" } })
      const forged = {
        ...headers,
        "x-user-id": "root",
        "x-customer-id": "c",
        "x-original-authorization": "Bearer x",
      }
      const answer = yield* gateway.send({ path: "/cp/api/v1/agents", headers: forged })
      assert.strictEqual(answer.status, 200)
      const names = gateway.plant.requests.at(-1)?.rawHeaders.map(([name]) => name.toLowerCase()) ?? []
      assert.include(names, "x-gateway")
      assert.isEmpty(names.filter((name) => /^x-(user|customer|trial|original|target)/.test(name)))
    }),
)
