import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"

const smuggled = "GET /cp/api/auth/google/callback HTTP/1.1\r\nHost: gateway\r\n\r\n"
const start = (version = "1.1") => `POST /cp/api/v1/auth/logout HTTP/${version}\r\nHost: gateway\r\n`
const length = smuggled.length

/** The framing headers, and the body as one of the two readings has it. */
const vectors: ReadonlyArray<readonly [what: string, framing: string, body: string]> = [
  ["CL.TE", `Content-Length: ${5 + length}\r\nTransfer-Encoding: chunked\r\n`, "0\r\n\r\n"],
  ["TE.CL", `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, "0\r\n\r\n"],
  ["two lengths that differ", `Content-Length: 0\r\nContent-Length: ${length}\r\n`, ""],
  ["two lengths that agree", "Content-Length: 0\r\nContent-Length: 0\r\n", ""],
  ["a list of lengths", `Content-Length: 0, ${length}\r\n`, ""],
  ["a length with a sign", "Content-Length: +0\r\n", ""],
  ["a length in hexadecimal", "Content-Length: 0x0\r\n", ""],
  ["an empty length", "Content-Length:\r\n", ""],
  ["a length beyond all numbers", "Content-Length: 99999999999999999999\r\n", ""],
  ["a coding that is none", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"],
  ["a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"],
  ["a vertical tab before the coding", "Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"],
  ["a quoted coding", 'Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"],
  ["a folded coding", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"],
  ["chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
  ["chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"],
  ["chunked and then another", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"],
  ["another and then chunked", "Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"],
  ["gzip and then chunked", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"],
  ["identity", "Transfer-Encoding: identity\r\n", ""],
]

describe("a request with two readings is refused, and what follows it reaches nobody:", () => {
  it.live.each(vectors)("%s", ([, framing, body]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const received = yield* gateway.raw(`${start()}${framing}\r\n${body}${smuggled}`)
      assertOnlyProblem(received, "bad-request")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("chunked in HTTP/1.0", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const keepAlive = "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      assertOnlyProblem(yield* gateway.raw(`${start("1.0")}${keepAlive}${smuggled}`), "bad-request")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )
})

it.live("two requests that have one reading each reach Plant, however close they come", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const first = `${start()}Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`
    const received = yield* gateway.raw(first + smuggled.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    assert.lengthOf([...received.matchAll(/^HTTP\/1\.1 200 OK\r$/gm)], 2)
    assert.strictEqual(gateway.reached(), 2)
  }),
)
