import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { answerTo, begin } from "../AwkwardPeers.ts"
import { notEnrolled, requestsAt, startFlagged } from "../flags/FlaggedGateway.ts"
import { assertProblem } from "../RawAnswer.ts"
import { send } from "../Wire.ts"

const rows = { "customer-1": notEnrolled }
const enrolled = { as: { customerId: "customer-2" } }
const tasks = "/api/v1/tasks"

describe("on the way to the direct integration", () => {
  it.live("a body over the limit is refused, with its length before anybody hears of it", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows, env: { MAX_BODY_BYTES: "1000" } })
      const asked = { method: "POST", path: tasks, body: "x".repeat(1001) }
      const headers = { "content-length": "1001" }
      assertProblem(yield* gateway.ask({ ...asked, headers }), "payload-too-large")
      assert.strictEqual(gateway.reached(), 0)

      const authorization = yield* gateway.bearer("CP")
      const request = yield* begin(gateway.port, {
        method: "POST",
        path: `/cp${tasks}`,
        headers: { authorization },
      })
      request.write("x".repeat(1001))
      assert.strictEqual((yield* answerTo(request)).statusCode, 413)
    }),
  )

  it.live("a socket's route is refused", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      assertProblem(yield* gateway.ask({ path: "/ws/approvals" }), "upgrade-required")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("silence is a gateway timeout", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({
        rows,
        env: { PLANT_TIMEOUT_SECONDS: "0.2" },
        direct: ({ url }) => url !== "/health",
      })
      assertProblem(yield* gateway.ask({ method: "POST", path: tasks }), "gateway-timeout")
    }),
  )
})

describe("a direct integration that fails", () => {
  it.live("is left alone by a breaker of its own, and Plant's customers notice nothing", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({
        rows,
        direct: (_, response) => {
          response.writeHead(503).end()
          return true
        },
      })
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* gateway.ask()).status, 503)
      const refused = yield* gateway.ask()
      assertProblem(refused, "service-unavailable")
      assert.isString(refused.headers["retry-after"])
      assert.strictEqual(requestsAt(gateway.direct), 5)
      for (let i = 0; i < 6; i++) assert.strictEqual((yield* gateway.ask(enrolled)).status, 200)
    }),
  )

  it.live("is named in /ready, and makes the gateway degraded, not unready", () =>
    Effect.gen(function* () {
      const { plant } = yield* startFlagged({})
      const { adminPort } = yield* startFlagged({
        urls: { plant: plant.url, sandbox: Option.none(), direct: Option.some("http://127.0.0.1:1") },
      })
      const { status, json, body } = yield* send(adminPort, { path: "/ready" })
      assert.strictEqual(status, 200)
      assert.strictEqual(json()["status"], "degraded")
      assert.include(body, `{"name":"plant-direct","status":"down"`)
    }),
  )
})
