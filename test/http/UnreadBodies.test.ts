import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rawClient } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertProblem, readAnswer } from "../RawAnswer.ts"
import { until } from "../Until.ts"

const refused = "POST /cp/nothing HTTP/1.1\r\nHost: gateway\r\n"
const framings = [
  ["with a length", (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
  [
    "in chunks",
    (body: string) => `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
] as const

it.live.each(framings)(
  "after a refusal its small body is not taken for a request, and the connection serves the next one (%s)",
  ([, framed]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const { socket, received } = yield* rawClient(gateway.port)
      socket.write(refused + framed("GET /cp/health HTTP/1.1\r\nHost: gateway\r\n\r\n".repeat(100)))
      yield* until(() => received().includes("not-found"))
      socket.write("GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
      yield* until(() => socket.destroyed)
      assert.deepStrictEqual(received().match(/HTTP\/1\.1 \d{3}/g), ["HTTP/1.1 404", "HTTP/1.1 200"])
    }),
)

it.live.each(framings)(
  "of a large body no more than a part is read after a refusal: the client gets its answer, and the connection ends (%s)",
  ([, framed]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const { socket, received } = yield* rawClient(gateway.port)
      socket.write(refused + framed("x".repeat(20_000_000)))
      yield* until(() => socket.destroyed)
      const answer = readAnswer(received())
      assertProblem({ ...answer, body: answer.rest }, "not-found")
    }),
)

it.live("a client that was not asked for its body is told that the connection ends", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const received = yield* gateway.raw(`${refused}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
    assert.notInclude(received, "100 Continue")
    assert.strictEqual(readAnswer(received).headers["connection"], "close")
  }),
)
