import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { gzipSync } from "node:zlib"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

const path = "/cp/api/auth/google/login"

/** What the client gets, as bytes in Latin-1, when Plant says this. */
const relayed = Effect.fnUntraced(function* (said: string | Buffer) {
  const plant = yield* upstreamSaying(said)
  const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
  const answer = yield* gateway.raw(`GET ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`)
  const end = answer.indexOf("\r\n\r\n")
  const [statusLine, ...lines] = answer.slice(0, end).split("\r\n")
  return { statusLine, lines, body: answer.slice(end + 4) }
})

it.live("every Set-Cookie of Plant arrives, with its own spelling and order", () =>
  Effect.gen(function* () {
    const { lines } = yield* relayed(
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-Between: 1\r\nset-cookie: a=2, b; Foo=bar\r\n" +
        "Set-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n",
    )
    assert.deepStrictEqual(lines.slice(0, 5), [
      "Set-Cookie: a=1; Path=/",
      "X-Between: 1",
      "set-cookie: a=2, b; Foo=bar",
      "Set-Cookie: a=1; Path=/",
      "Content-Length: 0",
    ])
  }),
)

it.live("an encoded body is neither decoded nor encoded again", () =>
  Effect.gen(function* () {
    const zipped = gzipSync("hello")
    const { body, lines } = yield* relayed(
      Buffer.concat([
        Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${zipped.length}\r\n\r\n`),
        zipped,
      ]),
    )
    assert.include(lines, "Content-Encoding: gzip")
    assert.deepStrictEqual(Buffer.from(body, "latin1"), zipped)
  }),
)

it.live("bytes beyond ASCII in a header and in the reason arrive as they were sent", () =>
  Effect.gen(function* () {
    const { statusLine, lines } = yield* relayed(
      "HTTP/1.1 299 Tr\u00e8s bien\r\nX-Bytes: caf\u00e9 \u00ff\r\nContent-Length: 0\r\n\r\n",
    )
    assert.match(statusLine ?? "", /^HTTP\/1\.1 299 /)
    assert.include(lines, "X-Bytes: caf\u00e9 \u00ff")
  }),
)

it.live("Plant's own problem documents pass untouched, status and all", () =>
  Effect.gen(function* () {
    const problem = '{"type":"about:blank","title":"Teapot"}'
    const { statusLine, lines, body } = yield* relayed(
      "HTTP/1.1 418 Short and stout\r\nContent-Type: application/problem+json\r\n" +
        `Content-Length: ${problem.length}\r\n\r\n${problem}`,
    )
    assert.strictEqual(statusLine, "HTTP/1.1 418 Short and stout")
    assert.include(lines, "Content-Type: application/problem+json")
    assert.strictEqual(body, problem)
  }),
)
