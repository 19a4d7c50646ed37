import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { answerTo, begin } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

/** A gateway over a Plant whose event streams the test writes itself, and which leaves all else unanswered. */
const world = Effect.gen(function* () {
  let stream: ServerResponse | undefined
  const gateway = yield* startGateway({
    env: { PLANT_TIMEOUT_SECONDS: "1" },
    plant: (request, response) => {
      if (request.url === "/api/v1/genesis/events") {
        stream = response.writeHead(200, { "content-type": "text/event-stream" })
        stream.flushHeaders()
      }
      return request.url !== "/health"
    },
  })
  const authorization = `Bearer ${yield* gateway.token("CP")}`
  const request = yield* begin(gateway.port, {
    path: "/cp/api/v1/genesis/events",
    headers: { authorization },
  })
  return { gateway, authorization, request, write: (event: string) => stream?.write(event) }
})

const textOf = (answer: IncomingMessage) => {
  let text = ""
  answer
    .setEncoding("utf8")
    .on("data", (chunk: string) => {
      text += chunk
    })
    .resume()
  return () => text
}

it.live("a stream opens before its first event, and each event arrives before the next is sent", () =>
  Effect.gen(function* () {
    const { request, write } = yield* world
    const answer = yield* answerTo(request)
    assert.strictEqual(answer.headers["content-type"], "text/event-stream")
    const text = textOf(answer)
    for (const event of ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"]) {
      write(event)
      yield* until(() => text().endsWith(event))
    }
    assert.strictEqual(text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n")
  }),
)

it.live("a stream may be silent for longer than Plant may take to answer", () =>
  Effect.gen(function* () {
    const { gateway, authorization, request, write } = yield* world
    const text = textOf(yield* answerTo(request))
    write("data: before\n\n")
    yield* until(() => text().includes("before"))
    // An ordinary request that begins now shows when Plant's time is over.
    const timedOut = yield* gateway.send({ path: "/cp/api/v1/agents", headers: { authorization } })
    assert.strictEqual(timedOut.status, 504)
    write("data: after\n\n")
    yield* until(() => text().includes("after"))
  }),
)
