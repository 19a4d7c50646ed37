import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

it.live("interim answers of Plant end at the gateway", () =>
  Effect.gen(function* () {
    const plant = yield* upstreamSaying(
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
    const answer = yield* gateway.raw(
      "GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n",
    )
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(answer, /\r\n\r\nok$/)
    assert.notInclude(answer, "Link")
  }),
)

it.live.each([
  ["100 Continue, which undici takes for a broken answer", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["101 Switching Protocols", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
] as const)("an upstream that says what nobody asked for is a bad gateway: %s", ([, said]) =>
  Effect.gen(function* () {
    const plant = yield* upstreamSaying(said)
    const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
    const answer = yield* gateway.send({ path: "/cp/api/auth/google/login" })
    assert.strictEqual(answer.status, 502)
  }),
)
