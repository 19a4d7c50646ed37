import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

const path = "/cp/api/auth/google/login"

/** What the client gets, as bytes in Latin-1, when Plant says this. */
const relayed = Effect.fnUntraced(function* (said: string, method = "GET") {
  const plant = yield* upstreamSaying(said)
  const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
  const answer = yield* gateway.raw(
    `${method} ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`,
  )
  const end = answer.indexOf("\r\n\r\n")
  const [statusLine, ...lines] = answer.slice(0, end).split("\r\n")
  return { statusLine, lines, body: answer.slice(end + 4) }
})

it.live("HEAD is answered with the length of the body and without the body", () =>
  Effect.gen(function* () {
    const { lines, body } = yield* relayed(
      "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n",
      "HEAD",
    )
    assert.include(lines, "Content-Length: 1234")
    assert.include(lines, "ETag: x")
    assert.strictEqual(body, "")
  }),
)

it.live.each([
  ["204", "HTTP/1.1 204 No Content\r\nX-Kept: 1\r\n\r\n", []],
  [
    "304 with the length of what was not sent",
    "HTTP/1.1 304 Not Modified\r\nX-Kept: 1\r\nContent-Length: 99\r\n\r\n",
    ["Content-Length: 99"],
  ],
] as const)("a status without a body stays without one: %s", ([, said, more]) =>
  Effect.gen(function* () {
    const { statusLine, lines, body } = yield* relayed(said)
    assert.strictEqual(statusLine, said.slice(0, said.indexOf("\r\n")))
    for (const line of ["X-Kept: 1", ...more]) assert.include(lines, line)
    assert.strictEqual(body, "")
    assert.isFalse(lines.some((line) => /^transfer-encoding/i.test(line)))
  }),
)
