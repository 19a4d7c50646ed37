import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { answerTo, begin } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const chunk = Buffer.alloc(256 * 1024)
const gigabyte = 1024 ** 3
/** What kernels and streams on the way may hold. */
const inFlight = 64 * 1024 ** 2

/** A gigabyte, and how much of it has been taken so far. */
const source = () => {
  let taken = 0
  const body = new Readable({
    read() {
      taken += chunk.length
      this.push(taken > gigabyte ? null : chunk)
    },
  })
  return { body, taken: () => taken }
}

/** Waits until a count has stood still for a while. */
const standstill = (count: () => number) => {
  let [last, looks] = [-1, 0]
  return until(() => {
    looks = count() === last ? looks + 1 : 0
    last = count()
    return looks > 40
  })
}

it.live("a client that does not read holds Plant back", () =>
  Effect.gen(function* () {
    const { body, taken } = source()
    const gateway = yield* startGateway({
      plant: (request, response: ServerResponse) => {
        if (request.url === "/health") return false
        body.pipe(response.writeHead(200, { "content-length": gigabyte }))
        return true
      },
    })
    const request = yield* begin(gateway.port, { path: "/cp/api/auth/google/login" })
    const answer = yield* answerTo(request)
    yield* standstill(taken)
    assert.isBelow(taken(), inFlight)
    // It goes on where it stood once the client reads.
    const before = taken()
    answer.resume()
    yield* until(() => taken() > before + inFlight)
  }),
)

it.live.each([
  ["with a length", { "content-length": String(gigabyte) }],
  ["in chunks", {}],
] as const)("a Plant that does not read holds the client back: an upload %s", ([, headers]) =>
  Effect.gen(function* () {
    let atPlant: IncomingMessage | undefined
    const gateway = yield* startGateway({
      env: { MAX_BODY_BYTES: "2 GiB" },
      plant: (request) => {
        if (request.url === "/health") return false
        atPlant = request
        return true
      },
    })
    const request = yield* begin(gateway.port, { method: "POST", path: "/cp/api/v1/auth/register", headers })
    const { body, taken } = source()
    body.pipe(request)
    yield* until(() => atPlant !== undefined)
    yield* standstill(taken)
    assert.isBelow(taken(), inFlight)
    const before = taken()
    atPlant?.resume()
    yield* until(() => taken() > before + inFlight)
  }),
)
