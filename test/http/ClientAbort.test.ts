import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { answerTo, begin, rawClient } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { send } from "../Wire.ts"
import { until } from "../Until.ts"

/** A gateway over a Plant that answers nothing by itself. */
const world = Effect.gen(function* () {
  const atPlant: Array<{ readonly request: IncomingMessage; readonly response: ServerResponse }> = []
  const gateway = yield* startGateway({
    plant: (request, response) => {
      if (request.url === "/health") return false
      atPlant.push({ request: request.on("error", () => {}).resume(), response })
      return true
    },
  })
  return { gateway, atPlant }
})

const path = "/cp/api/auth/google/login"

it.live("a client that goes away while it waits ends the request at Plant", () =>
  Effect.gen(function* () {
    const { gateway, atPlant } = yield* world
    const request = yield* begin(gateway.port, { path })
    yield* until(() => atPlant.length === 1)
    request.destroy()
    yield* until(() => atPlant[0]?.response.destroyed === true)
  }),
)

it.live.each([
  ["with a length", { "content-length": "1000000" }],
  ["in chunks", {}],
] as const)("a client that goes away during an upload %s ends it at Plant as incomplete", ([, headers]) =>
  Effect.gen(function* () {
    const { gateway, atPlant } = yield* world
    const request = yield* begin(gateway.port, { method: "POST", path: "/cp/api/v1/auth/register", headers })
    request.write("begun")
    yield* until(() => atPlant.length === 1)
    request.destroy()
    yield* until(() => atPlant[0]?.request.destroyed === true)
    assert.isFalse(atPlant[0]?.request.complete)
  }),
)

it.live("a client that goes away during a download ends it at Plant", () =>
  Effect.gen(function* () {
    const { gateway, atPlant } = yield* world
    const request = yield* begin(gateway.port, { path })
    yield* until(() => atPlant.length === 1)
    const response = atPlant[0]?.response
    response?.write(Buffer.alloc(4_000_000))
    const answer = yield* answerTo(request)
    answer.destroy()
    yield* until(() => response?.destroyed === true)
  }),
)

it.live("a client that goes away ends every request that it had sent ahead", () =>
  Effect.gen(function* () {
    const { gateway, atPlant } = yield* world
    const { socket } = yield* rawClient(gateway.port)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`.repeat(3))
    yield* until(() => atPlant.length === 3)
    // The last is far ahead: its answer waits in the gateway for its turn.
    atPlant[2]?.response.write(Buffer.alloc(4_000_000))
    socket.destroy()
    yield* until(() => atPlant.every(({ response }) => response.destroyed))
  }),
)

it.live("a client that goes away is counted as 499", () =>
  Effect.gen(function* () {
    const { gateway, atPlant } = yield* world
    const request = yield* begin(gateway.port, { path })
    yield* until(() => atPlant.length === 1)
    request.destroy()
    yield* until(() => atPlant[0]?.response.destroyed === true)
    const { body } = yield* send(gateway.adminPort, { path: "/metrics" })
    assert.match(body, /^gateway_http_requests_total\{[^}]*status="499"[^}]*\} \d+$/m)
  }),
)
