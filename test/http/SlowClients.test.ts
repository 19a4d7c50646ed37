import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"
import { until } from "../Until.ts"

const impatient = { HEADERS_TIMEOUT_SECONDS: "0.2", REQUEST_TIMEOUT_SECONDS: "0.4" }

it.live("a head that is never finished is answered with 408", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env: impatient })
    assertOnlyProblem(yield* gateway.raw("GET /cp/health HTTP/1.1\r\nHost: ga"), "request-timeout")
    assert.strictEqual(gateway.reached(), 0)
  }),
)

it.live("a connection that says nothing is answered with 408", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env: impatient })
    assertOnlyProblem(yield* gateway.raw(""), "request-timeout")
  }),
)

it.live("a body that is never finished is answered with 408, and Plant's request is broken off", () =>
  Effect.gen(function* () {
    let brokenOff = false
    const gateway = yield* startGateway({
      env: impatient,
      plant: (request) => {
        if (request.url === "/health") return false
        request.resume().on("error", () => (brokenOff = true))
        return true
      },
    })
    const start = "POST /cp/api/v1/auth/logout HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10\r\n\r\n{}"
    assertOnlyProblem(yield* gateway.raw(start), "request-timeout")
    yield* until(() => brokenOff)
  }),
)
