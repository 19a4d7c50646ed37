import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { ServerResponse } from "node:http"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import type { Sent } from "../Wire.ts"

const origin = "https://portal.example"
const env = { CORS_ORIGINS: `${origin},http://localhost:3000`, AUTH_RATE_LIMIT_PER_MINUTE: "1" }
const signIn = "/cp/api/auth/google/login"

/** The request as a browser sends it for a script of this origin. */
const asking = (gateway: GatewayUnderTest, from: string | undefined, request: Sent) =>
  gateway.send({
    ...request,
    headers: { ...request.headers, ...(from === undefined ? {} : { origin: from }) },
  })

const valuesOf = (rawHeaders: ReadonlyArray<string>, name: string) =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)

const answers: ReadonlyArray<{ readonly status: number; readonly request: Sent; readonly before?: Sent }> = [
  { status: 200, request: { path: signIn } },
  {
    status: 204,
    request: { method: "OPTIONS", path: signIn, headers: { "access-control-request-method": "GET" } },
  },
  { status: 400, request: { path: "/cp//health" } },
  { status: 401, request: { path: "/cp/api/v1/agents" } },
  { status: 404, request: { path: "/cp/nothing" } },
  { status: 405, request: { method: "PUT", path: signIn } },
  { status: 429, request: { path: signIn }, before: { path: signIn } },
]

/** An upstream with ideas of its own about origins. */
const opinionated = {
  plant: (_: unknown, response: ServerResponse) => {
    response.setHeader("access-control-allow-origin", "*")
    response.setHeader("access-control-allow-credentials", "false")
    response.setHeader("vary", "Accept-Encoding")
    response.end("{}")
    return true
  },
}

describe.each(answers)("an answer with status $status", ({ status, request, before }) => {
  it.live("may be read by the scripts of an allowed origin, and names it exactly once", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env, ...opinionated })
      if (before !== undefined) yield* gateway.send(before)
      const answer = yield* asking(gateway, origin, request)
      assert.strictEqual(answer.status, status)
      assert.deepStrictEqual(valuesOf(answer.rawHeaders, "access-control-allow-origin"), [origin])
      assert.deepStrictEqual(valuesOf(answer.rawHeaders, "access-control-allow-credentials"), ["true"])
      assert.include(answer.headers.vary, "Origin")
    }),
  )

  it.live.each([undefined, "https://evil.example", `${origin}.evil.example`, `${origin}:8443`, "null", "*"])(
    "says nothing to those of %s",
    (from) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway({ env, ...opinionated })
        if (before !== undefined) yield* gateway.send(before)
        const answer = yield* asking(gateway, from, request)
        assert.isEmpty(answer.rawHeaders.filter((name) => name.toLowerCase().startsWith("access-control-")))
        assert.include(answer.headers.vary ?? "", "Origin")
      }),
  )
})

it.live("a 502 may be read by the scripts of an allowed origin", () =>
  Effect.gen(function* () {
    const urls = { plant: "http://127.0.0.1:1", sandbox: Option.none() }
    const gateway = yield* startGateway({ env, urls })
    const answer = yield* asking(gateway, origin, { path: signIn })
    assert.strictEqual(answer.status, 502)
    assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
  }),
)

it.live("a script may read why it was refused, and what names the request", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    const { headers } = yield* asking(gateway, origin, { path: "/cp/api/v1/agents" })
    const exposed = String(headers["access-control-expose-headers"]).split(", ")
    for (const name of ["X-Correlation-ID", "X-Error-Code", "WWW-Authenticate", "Retry-After"]) {
      assert.include(exposed, name)
    }
  }),
)

it.live(
  "a preflight is answered here, for the methods of the table and the headers that were asked for",
  () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env })
      const answer = yield* gateway.send({
        method: "OPTIONS",
        path: "/cp/api/v1/agents",
        headers: {
          origin,
          "access-control-request-method": "PATCH",
          "access-control-request-headers": "authorization,content-type",
        },
      })
      assert.strictEqual(answer.status, 204)
      assert.strictEqual(answer.body, "")
      assert.include(answer.headers["access-control-allow-methods"], "PATCH")
      assert.strictEqual(answer.headers["access-control-allow-headers"], "authorization,content-type")
      assert.strictEqual(gateway.reached(), 0)
    }),
)

it.live.each(["*", "a b", "x\u00e4", "authorization,,content-type", 'x"y'])(
  "a preflight that asks for the headers %j gets none of them",
  (asked) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env })
      const { headers } = yield* gateway.send({
        method: "OPTIONS",
        path: "/cp/api/v1/agents",
        headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": asked },
      })
      assert.isUndefined(headers["access-control-allow-headers"])
    }),
)

it.live("without allowed origins nothing about origins is said at all", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const { rawHeaders } = yield* asking(gateway, origin, { path: "/cp/api/v1/agents" })
    assert.isEmpty(rawHeaders.filter((name) => /^(access-control-|vary$)/i.test(name)))
  }),
)
