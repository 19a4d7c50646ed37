import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { answerTo, begin, bodyOf, upstreamSaying } from "../AwkwardPeers.ts"
import { until, untilSeen } from "../Until.ts"
import { type FlaggedSetup, notEnrolled, startFlagged } from "./FlaggedGateway.ts"
import { customers } from "./FlagsUnderTest.ts"

const canary = { as: { customerId: customers.canary_5pct } }
const control = { as: { customerId: customers.stable_100pct } }
const trialOf = ({ as }: typeof canary | typeof control) => ({ as: { ...as, trial: true } })

/** Under a rollout to half of the customers. */
const start = (setup: FlaggedSetup = {}) =>
  Effect.map(
    startFlagged({ rollout: "canary_50pct", ...setup, env: { ROLLOUT_ANALYSIS_SECONDS: "0.1" } }),
    (gateway) => ({
      ...gateway,
      /** Once so many requests are told of, how many of each group, and how many of them are errors. */
      toldOf: (requests: number) =>
        Effect.map(
          untilSeen(gateway.told, (told) => told.canary.requests + told.control.requests >= requests),
          (told) => [told.canary.requests, told.canary.errors, told.control.requests, told.control.errors],
        ),
    }),
  )

describe("the rollout is told", () => {
  it.live("how the requests of those went whom their cohort enrols, and of those whom it passes over", () =>
    Effect.gen(function* () {
      const gateway = yield* start({
        direct: ({ url }, response) => {
          if (url !== "/api/v1/reports") return false
          response.writeHead(500).end()
          return true
        },
      })
      yield* gateway.ask(canary)
      const unreadable = { method: "POST", path: "/api/v1/payments/coupon/checkout", body: "no JSON" }
      assert.strictEqual((yield* gateway.ask({ ...canary, ...unreadable })).status, 400)
      yield* gateway.ask(control)
      for (let i = 0; i < 2; i++) yield* gateway.ask({ ...control, path: "/api/v1/reports" })
      assert.deepStrictEqual(yield* gateway.toldOf(5), [2, 0, 3, 2])
    }),
  )

  it.live("of every failure that a client sees: the gateway's own, and an answer that breaks off", () =>
    Effect.gen(function* () {
      const plant = yield* upstreamSaying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", (socket) =>
        socket.end(),
      )
      const direct = Option.some("http://127.0.0.1:1")
      const gateway = yield* start({ urls: { plant, sandbox: Option.none(), direct } })
      assert.strictEqual((yield* gateway.ask(control)).status, 502)
      const request = yield* begin(gateway.port, {
        path: "/cp/api/v1/agents",
        headers: { authorization: yield* gateway.bearer("CP", canary.as) },
      })
      const answer = yield* answerTo(request)
      assert.strictEqual(answer.statusCode, 200)
      assert.isFalse((yield* bodyOf(answer)).complete)
      assert.deepStrictEqual(yield* gateway.toldOf(2), [1, 1, 1, 1])
    }),
  )
})

describe("the rollout is not told", () => {
  it.live("of whom a row sends somewhere, nor of staff, nor of the gateway's own routes", () =>
    Effect.gen(function* () {
      const rows = { [customers.canary_25pct]: {}, [customers.canary_50pct]: notEnrolled }
      const gateway = yield* start({ rows })
      yield* gateway.ask({ as: { customerId: customers.canary_25pct } })
      yield* gateway.ask({ as: { customerId: customers.canary_50pct } })
      yield* gateway.ask({ portal: "PP" })
      yield* gateway.ask({ ...canary, path: "/api/v1/budgets/platform" })
      assert.strictEqual(gateway.reached(), 3)
      yield* gateway.ask(control)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [0, 0, 1, 0])
    }),
  )

  it.live("of customers for whom there is no direct integration", () =>
    Effect.gen(function* () {
      const { plant } = yield* startFlagged({})
      const gateway = yield* start({ urls: { plant: plant.url, sandbox: Option.none() } })
      assert.strictEqual((yield* gateway.ask(control)).status, 503)
      yield* gateway.ask(canary)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [1, 0, 0, 0])
    }),
  )

  it.live("of trials, whom the sandbox answers", () =>
    Effect.gen(function* () {
      const gateway = yield* start()
      for (const one of [canary, control])
        assert.strictEqual((yield* gateway.ask(trialOf(one))).json()["upstream"], "plant-sandbox")
      yield* gateway.ask(control)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [0, 0, 1, 0])
    }),
  )

  it.live("of what ends while the client's body is still coming", () =>
    Effect.gen(function* () {
      const gateway = yield* start({
        plant: ({ socket, method }) => {
          if (method === "POST") socket.destroy()
          return method === "POST"
        },
      })
      const request = yield* begin(gateway.port, {
        method: "POST",
        path: "/cp/api/v1/tickets",
        headers: { authorization: yield* gateway.bearer("CP", canary.as), "content-length": "100" },
      })
      request.write("slow")
      assert.strictEqual((yield* answerTo(request)).statusCode, 502)
      yield* gateway.ask(control)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [0, 0, 1, 0])
    }),
  )

  it.live("of streams and sockets", () =>
    Effect.gen(function* () {
      const gateway = yield* start()
      for (const { as } of [canary, control]) {
        yield* gateway.ask({ as, path: "/ws/approvals" })
        yield* gateway.ask({ as, method: "HEAD", path: "/api/v1/genesis/events" })
      }
      assert.strictEqual(gateway.reached(), 2)
      yield* gateway.ask(canary)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [1, 0, 0, 0])
    }),
  )

  it.live("of clients who went away", () =>
    Effect.gen(function* () {
      let [begun, ended] = [0, 0]
      const gateway = yield* start({
        plant: ({ url }, response) => {
          if (url !== "/api/v1/reports") return false
          begun++
          response.once("close", () => ended++)
          return true
        },
      })
      const request = yield* begin(gateway.port, {
        path: "/cp/api/v1/reports",
        headers: { authorization: yield* gateway.bearer("CP", canary.as) },
      })
      yield* until(() => begun === 1)
      request.destroy()
      yield* until(() => ended === 1)
      yield* gateway.ask(control)
      assert.deepStrictEqual(yield* gateway.toldOf(1), [0, 0, 1, 0])
    }),
  )
})
