import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import type { Slug } from "../../src/http/Problems.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"

const path = "/cp/api/auth/google/login"
const head = `GET ${path} HTTP/1.1\r\nHost: gateway\r\n`
const post = "POST /cp/api/v1/auth/logout HTTP/1.1\r\nHost: gateway\r\n"
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`

/** What a client sends, one character a byte. All of it would be public, so only its form can refuse it. */
const garbage: ReadonlyArray<readonly [what: string, bytes: string, slug?: Slug]> = [
  ["zeros", "\0\0\0\0\r\n\r\n"],
  ["a start line of one word", "GET\r\n\r\n"],
  ["a lower-case method", `get ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`],
  ["an unknown method", `BREW ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`],
  ["another protocol", `GET ${path} ICE/1.0\r\nHost: gateway\r\n\r\n`],
  ["a space within the target", `GET ${path} x HTTP/1.1\r\nHost: gateway\r\n\r\n`],
  ["a control character in a header's name", `${head}X-\x01: 1\r\n\r\n`],
  ["NUL in a header's value", `${head}X: a\0b\r\n\r\n`],
  ["a header without a colon", `${head}nothing\r\n\r\n`],
  ["a space before the colon", `${head}X : 1\r\n\r\n`],
  ["a folded header", `${head}X: a\r\n b\r\n\r\n`],
  ["a space before the first header", `GET ${path} HTTP/1.1\r\n Host: gateway\r\n\r\n`],
  ["lines that end in LF alone", `GET ${path} HTTP/1.1\nHost: gateway\n\n`],
  ["one line that ends in LF alone", `${head}X: a\nY: b\r\n\r\n`],
  ["CR within a header", `${head}X: a\rY: b\r\n\r\n`],
  ["no Host", `GET ${path} HTTP/1.1\r\n\r\n`],
  ["two Hosts", `${head}Host: other\r\n\r\n`],
  ["a Host that is no host", `GET ${path} HTTP/1.1\r\nHost: a/b@c\r\n\r\n`],
  ["an empty Host", `GET ${path} HTTP/1.1\r\nHost:\r\n\r\n`],
  ["HTTP/0.9", `GET ${path}\r\n\r\n`],
  ["a version that was never made", `GET ${path} HTTP/1.2\r\nHost: gateway\r\n\r\n`],
  ["HTTP/2 in HTTP/1's form", `GET ${path} HTTP/2.0\r\nHost: gateway\r\n\r\n`],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"],
  ["the start of TLS", `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${"\xaa".repeat(200)}`],
  ["a chunk size that is no number", `${chunked}ZZ\r\n{}\r\n0\r\n\r\n`],
  ["a chunk size with 0x", `${chunked}0x2\r\n{}\r\n0\r\n\r\n`],
  ["a negative chunk size", `${chunked}-2\r\n{}\r\n0\r\n\r\n`],
  ["a chunk size beyond all numbers", `${chunked}${"f".repeat(17)}\r\n{}\r\n0\r\n\r\n`],
  ["chunk lines that end in LF alone", `${chunked}2\n{}\n0\n\n`],
  ["endless chunk extensions", `${chunked}2;a=${"b".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`, "payload-too-large"],
  ["a header larger than the limit", `${head}X: ${"x".repeat(40_000)}\r\n\r\n`, "header-fields-too-large"],
  ["more headers than the limit", `${head}${"a: b\r\n".repeat(2_500)}\r\n`, "header-fields-too-large"],
  [
    "a target longer than the limit",
    `GET ${path}?${"x".repeat(9_000)} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`,
    "uri-too-long",
  ],
]

describe("gets one problem document on a connection that closes, and harms nobody else:", () => {
  it.live.each(garbage)("%s", ([, bytes, slug = "bad-request"]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      assertOnlyProblem(yield* gateway.raw(Buffer.from(bytes, "latin1")), slug)
      assert.strictEqual(gateway.reached(), 0)
      assert.strictEqual((yield* gateway.send({ path })).status, 200)
    }),
  )
})

it.live("noise of a hundred kinds never stops the gateway from answering", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    for (let length = 1; length <= 100; length++) {
      const noise = Buffer.concat([randomBytes(length * 7), Buffer.from("\r\n\r\n")])
      const received = yield* gateway.raw(noise)
      assert.match(received, /^$|^HTTP\/1\.1 4\d\d /)
    }
    assert.strictEqual(gateway.reached(), 0)
    assert.strictEqual((yield* gateway.send({ path })).status, 200)
  }),
)
