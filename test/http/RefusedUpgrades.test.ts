import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Slug } from "../../src/http/Problems.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"

const upgrade = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n"
const handshake = `${upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`

const refusals: ReadonlyArray<
  readonly [what: string, slug: Slug, method: string, path: string, rest: string]
> = [
  ["on a socket's route while sockets are off", "service-unavailable", "GET", "/cp/ws/approvals", handshake],
  ["without a key", "service-unavailable", "GET", "/cp/ws/approvals", upgrade],
  ["on a route that is no socket's", "bad-request", "GET", "/cp/api/v1/agents", handshake],
  ["on a public route", "bad-request", "GET", "/cp/health", handshake],
  ["on no route", "not-found", "GET", "/cp/ws/nothing", handshake],
  ["of the other portal", "not-found", "GET", "/pp/ws/approvals", handshake],
  ["with another method", "method-not-allowed", "POST", "/cp/ws/approvals", handshake],
  ["with a body", "bad-request", "POST", "/cp/api/v1/agents", `${upgrade}Content-Length: 2\r\n`],
  ["with chunks", "bad-request", "POST", "/cp/api/v1/agents", `${upgrade}Transfer-Encoding: chunked\r\n`],
]
const after = [
  ["nothing", ""],
  ["a request", "GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\n\r\n"],
  ["garbage", "\0\x01\x02garbage"],
] as const

describe.each(after)(
  "an upgrade that %s follows gets a problem document, and its socket is closed:",
  (_, follower) => {
    it.live.each(refusals)("%s", ([, slug, method, path, headers]) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway()
        const token = yield* gateway.token("CP")
        const head = `${method} ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${token}\r\n`
        const { instance } = assertOnlyProblem(yield* gateway.raw(`${head}${headers}\r\n${follower}`), slug)
        assert.strictEqual(instance, path)
        assert.strictEqual(gateway.reached(), 0)
      }),
    )
  },
)

it.live("an upgrade without a token is 401", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const received = yield* gateway.raw(`GET /cp/ws/approvals HTTP/1.1\r\nHost: gateway\r\n${handshake}\r\n`)
    assertOnlyProblem(received, "unauthorized")
  }),
)

it.live("an upgrade to HTTP/2 is ignored, and the request is an ordinary one", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const answer = yield* gateway.send({
      path: "/cp/api/auth/google/login",
      headers: {
        connection: "Upgrade, HTTP2-Settings",
        upgrade: "h2c",
        "http2-settings": "AAMAAABkAAQAAP__",
      },
    })
    assert.strictEqual(answer.status, 200)
    assert.isUndefined(answer.headers.upgrade)
    assert.strictEqual(gateway.reached(), 1)
  }),
)
