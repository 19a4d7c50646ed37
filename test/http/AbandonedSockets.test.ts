import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { connect } from "node:net"
import { rawClient } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/auth/google/login"
const ask = `GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`
const upgrade =
  "GET /cp/ws/approvals HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
const tunnel = "CONNECT plant:80 HTTP/1.1\r\nHost: plant:80\r\n\r\n"

/** A gateway over a Plant that answers nothing by itself. */
const world = Effect.gen(function* () {
  const atPlant: Array<ServerResponse> = []
  const gateway = yield* startGateway({
    plant: (request: IncomingMessage, response) => {
      if (request.url === "/health") return false
      request.on("error", () => {}).resume()
      atPlant.push(response)
      return true
    },
  })
  return { gateway, atPlant }
})

/** A client that never ends its own side. */
const halfOpen = (port: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {})
      await once(socket.resume(), "connect")
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

describe("the connection ends, although the client keeps its side open, after", () => {
  it.live.each([
    ["an upgrade that is refused", upgrade],
    ["CONNECT", tunnel],
  ] as const)("%s", ([, bytes]) =>
    Effect.gen(function* () {
      const { gateway } = yield* world
      const socket = yield* halfOpen(gateway.port)
      socket.write(bytes)
      yield* until(() => socket.readableEnded)
      // Only a connection that is gone answers with a reset.
      yield* until(() => {
        if (!socket.destroyed) socket.write("x")
        return socket.destroyed
      })
    }),
  )
})

// Vitest fails the run on what would have ended the process.
describe("a client that resets its connection ends nobody else's:", () => {
  const begun = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
  it.live.each([
    ["at a CONNECT", tunnel, 0],
    ["at an upgrade", upgrade, 0],
    [
      "within a body that the gateway reads, behind another request",
      `${ask}POST /pp/_gateway/ws/ticket HTTP/1.1\r\nHost: gateway\r\n${begun}`,
      1,
    ],
  ] as const)("%s", ([, bytes, reaching]) =>
    Effect.gen(function* () {
      const { gateway, atPlant } = yield* world
      for (let i = 1; i <= 10; i++) {
        const { socket } = yield* rawClient(gateway.port)
        yield* Effect.callback<void>((resume) => void socket.write(bytes, () => resume(Effect.void)))
        yield* until(() => atPlant.length === i * reaching)
        socket.resetAndDestroy()
        yield* until(() => atPlant.every(({ destroyed }) => destroyed))
      }
      assert.strictEqual((yield* gateway.send({ path: "/cp/health" })).status, 200)
    }),
  )
})

describe("a client that goes away ends every request that it had sent ahead of", () => {
  it.live.each([
    ["an upgrade", upgrade],
    ["CONNECT", tunnel],
  ] as const)("%s", ([, bytes]) =>
    Effect.gen(function* () {
      const { gateway, atPlant } = yield* world
      const { socket } = yield* rawClient(gateway.port)
      socket.write(ask.repeat(3))
      yield* until(() => atPlant.length === 3)
      for (const response of atPlant) response.write("begun")
      socket.write(bytes)
      socket.end()
      yield* until(() => atPlant.every(({ destroyed }) => destroyed))
    }),
  )
})

it.live("a body that passes the limit while it waits for a connection to Plant is 413", () =>
  Effect.gen(function* () {
    const held: Array<ServerResponse> = []
    const gateway = yield* startGateway({
      env: { PLANT_CONNECTIONS: "1", MAX_BODY_BYTES: "10kB" },
      plant: (request, response) => {
        if (request.url === "/health") return false
        held.push(response)
        return true
      },
    })
    const { socket, received } = yield* rawClient(gateway.port)
    socket.write(ask)
    yield* until(() => held.length === 1)
    const { socket: other, received: answer } = yield* rawClient(gateway.port)
    const body = `4e20\r\n${"x".repeat(20_000)}\r\n0\r\n\r\n`
    other.write(
      `POST /cp/api/v1/auth/logout HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    )
    // The gateway has read it by the time it answers what was sent later.
    assert.strictEqual((yield* gateway.send({ path: "/cp/health" })).status, 200)
    held[0]?.end("done")
    yield* until(() => received().includes("done"))
    yield* until(() => answer().includes("\r\n\r\n"))
    assert.match(answer(), /^HTTP\/1\.1 413 /)
  }),
)
