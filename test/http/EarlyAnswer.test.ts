import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { rawClient, rawUpstream } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/v1/auth/register"
const uploads = [
  ["with a length", "Content-Length: 8000000\r\n", (part: string) => part],
  [
    "in chunks",
    "Transfer-Encoding: chunked\r\n",
    (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`,
  ],
] as const
const part = "x".repeat(1_000_000)

it.live.each(uploads)(
  "Plant may answer before the upload is over: the client gets the answer, and the connection ends (%s)",
  ([, framing, framed]) =>
    Effect.gen(function* () {
      const plant = yield* rawUpstream((socket) => {
        socket.once("data", () =>
          socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
        )
      })
      const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
      const { socket, received } = yield* rawClient(gateway.port)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: gateway\r\n${framing}\r\n${framed(part)}`)
      yield* until(() => received().endsWith("\r\n\r\nno"))
      assert.match(received(), /^HTTP\/1\.1 403 /)
      // It goes on sending, as clients do that look for an answer only at the end.
      for (let index = 1; index < 8; index++) socket.write(framed(part))
      yield* until(() => socket.destroyed)
    }),
)

it.live.each(uploads)(
  "a Plant that breaks off during an upload is a bad gateway, and the connection ends (%s)",
  ([, framing, framed]) =>
    Effect.gen(function* () {
      const plant = yield* rawUpstream((socket) => {
        socket.once("data", () => socket.resetAndDestroy())
      })
      const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
      const { socket, received } = yield* rawClient(gateway.port)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: gateway\r\n${framing}\r\n${framed(part)}`)
      yield* until(() => received().includes("bad-gateway"))
      assert.match(received(), /^HTTP\/1\.1 502 /)
      for (let index = 1; index < 8; index++) socket.write(framed(part))
      yield* until(() => socket.destroyed)
    }),
)

it.live("after an early answer to a small upload the connection serves the next request", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({
      plant: (request, response) => {
        if (request.url !== "/api/v1/auth/register") return false
        response.end("early")
        return true
      },
    })
    const { socket, received } = yield* rawClient(gateway.port)
    socket.write(`POST ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10\r\n\r\n01234`)
    yield* until(() => received().includes("early"))
    socket.write("56789GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\n\r\n")
    yield* until(() => received().includes('"echo"') || socket.destroyed)
    // Either is right (RFC 9112 9.3); what may not happen is silence, or a body read as a request.
    assert.isFalse(received().includes("HTTP/1.1 400"))
  }),
)
