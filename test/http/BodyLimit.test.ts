import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingMessage } from "node:http"
import { answerTo, begin } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/v1/auth/register"
const env = { MAX_BODY_BYTES: "1000" }

it.live("a declared length over the limit is refused, and Plant never hears of it", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    const answer = yield* gateway.send({ method: "POST", path, body: "x".repeat(1001) })
    assert.strictEqual(answer.status, 413)
    assert.deepInclude(answer.json(), {
      type: "https://waooaw.com/errors/payload-too-large",
      limit_bytes: 1000,
    })
    assert.strictEqual(gateway.reached(), 0)
  }),
)

it.live.each([
  ["with its length", { "content-length": "1000" }],
  ["in chunks", {}],
] as const)("a body of exactly the limit passes %s", ([, headers]) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    const request = yield* begin(gateway.port, { method: "POST", path, headers })
    request.write("x".repeat(999))
    request.end("x")
    const answer = yield* answerTo(request)
    assert.strictEqual(answer.statusCode, 200)
    assert.strictEqual(gateway.plant.requests.at(-1)?.bodyBytes, 1000)
  }),
)

it.live(
  "a body without a length is counted: over the limit it is refused, and Plant's request is aborted",
  () =>
    Effect.gen(function* () {
      let atPlant: IncomingMessage | undefined
      const gateway = yield* startGateway({
        env,
        plant: (request) => {
          atPlant = request.resume()
          return true
        },
      })
      const request = yield* begin(gateway.port, { method: "POST", path })
      request.write("x".repeat(600))
      yield* until(() => atPlant !== undefined)
      // Never ended: the answer has to come while the upload is still going on.
      request.write("x".repeat(600))
      const answer = yield* answerTo(request)
      assert.strictEqual(answer.statusCode, 413)
      yield* until(() => atPlant?.destroyed === true)
      assert.isFalse(atPlant?.complete)
    }),
)
