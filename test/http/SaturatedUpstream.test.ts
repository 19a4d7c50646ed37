import { assert, it } from "@effect/vitest"
import type { ServerResponse } from "node:http"
import { Effect } from "effect"
import { answerTo, begin } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/auth/google/login"
const env = { PLANT_TIMEOUT_SECONDS: "1", PLANT_CONNECTIONS: "1", ENABLE_AUTH_MIDDLEWARE: "false" }

it.live(
  "who waits for a connection waits as long as one would wait for Plant, and not once for each before it",
  () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env, plant: (request) => request.url !== "/health" })
      yield* begin(gateway.port, { path })
      yield* until(() => gateway.reached() === 1)
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => gateway.send({ path })),
        { concurrency: "unbounded" },
      )
      // Twenty times Plant's time would be longer than this test may take.
      assert.isTrue(answers.every(({ status }) => status === 503 || status === 504))
      const refused = answers.filter(({ status }) => status === 503)
      assert.isAbove(refused.length, 15)
      assert.strictEqual(refused[0]?.json()["type"], "https://waooaw.com/errors/service-unavailable")
      assert.strictEqual(refused[0]?.headers["retry-after"], "1")
    }),
)

it.live("a request that gave up waiting never reaches Plant, and costs no connection", () =>
  Effect.gen(function* () {
    const urls: Array<string | undefined> = []
    const sockets = new Set<unknown>()
    const held: Array<ServerResponse> = []
    const gateway = yield* startGateway({
      env,
      plant: (request, response) => {
        if (request.url === "/health") return false
        urls.push(request.url)
        sockets.add(request.socket)
        if (!request.url?.endsWith("?held")) return false
        response.write("begun")
        held.push(response)
        return true
      },
    })
    const waiting = yield* begin(gateway.port, { path: `${path}?held` })
    const answer = yield* answerTo(waiting)
    // While bytes come in, Plant is not silent: this is a client that reads slowly.
    const refused = yield* gateway.send({ path: `${path}?refused` })
    assert.strictEqual(refused.status, 503)
    for (const response of held) response.end()
    answer.resume()
    assert.strictEqual((yield* gateway.send({ path: `${path}?next` })).status, 200)
    assert.deepStrictEqual(
      urls,
      ["held", "next"].map((query) => `/api/auth/google/login?${query}`),
    )
    assert.strictEqual(sockets.size, 1)
  }),
)

it.live("event streams take no connection from other requests", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    for (const _ of [1, 2, 3]) {
      const stream = yield* begin(gateway.port, { path: "/cp/api/v1/genesis/events" })
      yield* answerTo(stream)
    }
    const answer = yield* gateway.send({ path })
    assert.strictEqual(answer.status, 200)
  }),
)
