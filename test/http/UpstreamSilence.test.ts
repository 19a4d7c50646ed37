import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { answerTo, begin, bodyOf, rawUpstream, upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/auth/google/login"
const env = { PLANT_TIMEOUT_SECONDS: "1" }

it.live.each([
  ["GET", path],
  ["POST", "/cp/api/v1/auth/logout"],
] as const)("a Plant that says nothing is a gateway timeout: %s", ([method, to]) =>
  Effect.gen(function* () {
    let connections = 0
    const plant = yield* rawUpstream(() => {
      connections += 1
    })
    const gateway = yield* startGateway({ env, urls: { plant, sandbox: Option.none() } })
    const answer = yield* gateway.send({ path: to, method, ...(method === "POST" ? { body: "x" } : {}) })
    assert.strictEqual(answer.status, 504)
    assert.strictEqual(answer.json()["type"], "https://waooaw.com/errors/gateway-timeout")
    // What may have been done already is not asked for again.
    assert.strictEqual(connections, 1)
  }),
)

it.live("a Plant that falls silent in the middle of its answer cuts the answer off", () =>
  Effect.gen(function* () {
    const plant = yield* upstreamSaying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    const gateway = yield* startGateway({ env, urls: { plant, sandbox: Option.none() } })
    const request = yield* begin(gateway.port, { path })
    const { text, complete } = yield* bodyOf(yield* answerTo(request))
    assert.isFalse(complete)
    assert.strictEqual(text, "half")
  }),
)

it.live("a Plant that stops reading an upload is a gateway timeout", () =>
  Effect.gen(function* () {
    const plant = yield* rawUpstream((socket) => socket.pause())
    const gateway = yield* startGateway({
      env: { ...env, MAX_BODY_BYTES: "1 GiB" },
      urls: { plant, sandbox: Option.none() },
    })
    const request = yield* begin(gateway.port, {
      method: "POST",
      path: "/cp/api/v1/auth/register",
      headers: { "content-length": "100000000" },
    })
    request.write(Buffer.alloc(50_000_000))
    const answer = yield* answerTo(request)
    assert.strictEqual(answer.statusCode, 504)
  }),
)

it.live("a client that is slow to send its body is not taken for a silent Plant", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({
      env,
      plant: (request) => request.url === "/api/auth/google/login",
    })
    const upload = yield* begin(gateway.port, { method: "POST", path: "/cp/api/v1/auth/register" })
    upload.write("begun, ")
    yield* until(() => gateway.plant.requests.at(-1)?.bodyBytes === 7)
    // Two timeouts one after the other: more than Plant's time passes while the client pauses.
    assert.strictEqual((yield* gateway.send({ path })).status, 504)
    assert.strictEqual((yield* gateway.send({ path })).status, 504)
    upload.end("ended")
    const { text } = yield* bodyOf(yield* answerTo(upload))
    assert.include(text, '"body":"begun, ended"')
  }),
)
