import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { answerTo, begin, upstreamSaying } from "../AwkwardPeers.ts"
import { notEnrolled, startFlagged } from "../flags/FlaggedGateway.ts"
import { readAnswer } from "../RawAnswer.ts"
import { until } from "../Until.ts"

const rows = { "customer-1": notEnrolled }

it.live("the answer passes as it is, and says nothing of the gateway but the correlation", () =>
  Effect.gen(function* () {
    const direct = yield* upstreamSaying(
      "HTTP/1.1 418 Short and stout\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nX-Gateway: a leak\r\n" +
        "X-Customer-ID: a leak\r\nX-User-Id: a leak\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok",
    )
    const gateway = yield* startFlagged({
      rows,
      urls: { plant: "http://127.0.0.1:1", sandbox: Option.none(), direct: Option.some(direct) },
    })
    const received = yield* gateway.raw(
      `GET /cp/api/v1/agents HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n` +
        `Authorization: ${yield* gateway.bearer("CP")}\r\n\r\n`,
    )
    const { statusLine, headers, rest } = readAnswer(received)
    assert.strictEqual(statusLine, "HTTP/1.1 418 Short and stout")
    assert.strictEqual(headers["set-cookie"], "a=1; Path=/, b=2")
    assert.strictEqual(rest, "ok")
    assert.sameMembers(
      Object.keys(headers).filter((name) => name.startsWith("x-")),
      ["x-own", "x-correlation-id"],
    )
  }),
)

it.live("a stream opens before its first event, takes no connection, and ends with its client", () =>
  Effect.gen(function* () {
    let isOpen = false
    const gateway = yield* startFlagged({
      rows,
      env: { PLANT_CONNECTIONS: "1" },
      direct: ({ url }, response) => {
        if (url !== "/api/v1/genesis/events") return false
        isOpen = true
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders()
        response.once("close", () => {
          isOpen = false
        })
        return true
      },
    })
    const authorization = yield* gateway.bearer("CP")
    const stream = yield* begin(gateway.port, {
      path: "/cp/api/v1/genesis/events",
      headers: { authorization },
    })
    assert.strictEqual((yield* answerTo(stream)).headers["content-type"], "text/event-stream")
    assert.strictEqual((yield* gateway.ask()).status, 200)
    assert.isTrue(isOpen)
    stream.destroy()
    yield* until(() => !isOpen)
  }),
)
