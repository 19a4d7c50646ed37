import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Socket } from "node:net"
import { answerTo, begin, bodyOf, upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

const path = "/cp/api/auth/google/login"

const gatewayOver = (said: string, then: (socket: Socket) => void) =>
  Effect.flatMap(upstreamSaying(said, then), (plant) =>
    startGateway({ urls: { plant, sandbox: Option.none() } }),
  )
const end = (socket: Socket) => socket.end()
const reset = (socket: Socket) => socket.resetAndDestroy()

it.live.each([
  ["it resets the connection at once", "", reset],
  ["it closes the connection at once", "", end],
  ["it resets in the middle of the head", "HTTP/1.1 200 OK\r\nX-Half: ", reset],
  ["it closes in the middle of the head", "HTTP/1.1 200 OK\r\nX-Half: ", end],
  ["it speaks no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", () => {}],
  [
    "its head is larger than the limit",
    `HTTP/1.1 200 OK\r\nX-Large: ${"x".repeat(40_000)}\r\n\r\n`,
    () => {},
  ],
  ["its lengths contradict", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", () => {}],
  [
    "it has a length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    () => {},
  ],
  [
    "a header has a control character",
    "HTTP/1.1 200 OK\r\nX-Bad: a\u0001b\r\nContent-Length: 2\r\n\r\nok",
    () => {},
  ],
] as const)("what is no answer is a bad gateway: %s", ([, said, then]) =>
  Effect.gen(function* () {
    const gateway = yield* gatewayOver(said, then)
    const answer = yield* gateway.send({ path })
    assert.strictEqual(answer.status, 502)
    assert.strictEqual(answer.json()["type"], "https://waooaw.com/errors/bad-gateway")
  }),
)

it.live("a Plant that is not there is a bad gateway", () =>
  Effect.gen(function* () {
    // Port 1 is nobody's.
    const gateway = yield* startGateway({ urls: { plant: "http://127.0.0.1:1", sandbox: Option.none() } })
    for (const method of ["GET", "HEAD"]) {
      const answer = yield* gateway.send({ path, method })
      assert.strictEqual(answer.status, 502)
    }
    const upload = yield* gateway.send({ path: "/cp/api/v1/auth/register", method: "POST", body: "x" })
    assert.strictEqual(upload.status, 502)
  }),
)

const head = "HTTP/1.1 200 OK\r\nConnection: close\r\n"

it.live.each([
  ["a body with a length is reset", `${head}Content-Length: 100\r\n\r\nhalf`, reset],
  ["a body with a length is closed early", `${head}Content-Length: 100\r\n\r\nhalf`, end],
  ["chunks are reset", `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`, reset],
  ["chunks are closed early", `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`, end],
  ["chunks are garbled", `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n`, () => {}],
] as const)("an answer that breaks off is cut off for the client too: %s", ([, said, then]) =>
  Effect.gen(function* () {
    let atPlant: Socket | undefined
    const gateway = yield* gatewayOver(said, (socket) => {
      atPlant = socket
    })
    const request = yield* begin(gateway.port, { path })
    const answer = yield* answerTo(request)
    if (atPlant !== undefined) then(atPlant)
    const { text, complete } = yield* bodyOf(answer)
    assert.isFalse(complete)
    assert.include(["", "half"], text)
  }),
)
