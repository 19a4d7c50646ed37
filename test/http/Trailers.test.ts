import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

const path = "/cp/api/auth/google/login"

const relayed = Effect.fnUntraced(function* (said: string, requestLine = `GET ${path} HTTP/1.1`) {
  const plant = yield* upstreamSaying(said)
  const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
  return yield* gateway.raw(`${requestLine}\r\nHost: gateway\r\nConnection: close\r\n\r\n`)
})

const withTrailers =
  "HTTP/1.1 200 OK\r\nTrailer: X-Checksum, X-User-Id\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "5\r\nhello\r\n0\r\nX-Checksum: 5d41\r\nX-User-Id: leak\r\n\r\n"

it.live("announced trailers follow the body, but not those that only the gateway knows", () =>
  Effect.gen(function* () {
    const answer = yield* relayed(withTrailers)
    assert.include(answer, "Trailer: X-Checksum, X-User-Id\r\n")
    assert.match(answer, /hello\r\n0\r\nx-checksum: 5d41\r\n\r\n$/i)
  }),
)

it.live("trailers that were not announced are dropped", () =>
  Effect.gen(function* () {
    const answer = yield* relayed(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum: 5d41\r\n\r\n",
    )
    assert.match(answer, /hello\r\n0\r\n\r\n$/)
  }),
)

it.live.each([
  ["a client of HTTP/1.0, which has no chunks", withTrailers, `GET ${path} HTTP/1.0`, /\r\n\r\nhello$/],
  ["HEAD", withTrailers.slice(0, withTrailers.indexOf("\r\n\r\n") + 4), `HEAD ${path} HTTP/1.1`, /\r\n\r\n$/],
  [
    "a body with a length",
    "HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\nContent-Length: 5\r\n\r\nhello",
    `GET ${path} HTTP/1.1`,
    /\r\n\r\nhello$/,
  ],
  [
    "a status without a body",
    "HTTP/1.1 304 Not Modified\r\nTrailer: X-Checksum\r\n\r\n",
    `GET ${path} HTTP/1.1`,
    /\r\n\r\n$/,
  ],
] as const)(
  "an announcement without room for trailers does not spoil the answer: %s",
  ([, said, line, end]) =>
    Effect.gen(function* () {
      const answer = yield* relayed(said, line)
      assert.match(answer, /^HTTP\/1\.1 (200|304) /)
      assert.match(answer, end)
      assert.notMatch(answer, /^trailer:/im)
    }),
)
