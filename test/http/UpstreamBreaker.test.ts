import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import type { ServerResponse } from "node:http"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const path = "/cp/api/v1/agents"

describe("a backend", () => {
  it.live("that fails five times in a row is left alone, and asked again after a while", () =>
    Effect.gen(function* () {
      let works = false
      const gateway = yield* startGateway({
        env: { CIRCUIT_BREAKER_OPEN_SECONDS: "0.3" },
        plant: (_, response) => {
          if (!works) response.writeHead(503).end()
          return !works
        },
      })
      const ask = gateway.send({
        path,
        headers: { authorization: `Bearer ${yield* gateway.token("CP")}` },
      })
      for (let i = 0; i < 5; i++) assert.strictEqual((yield* ask).headers["x-error-code"], undefined)
      assert.strictEqual(gateway.reached(), 5)

      const refused = yield* ask
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers["x-error-code"], "SERVICE_UNAVAILABLE")
      assert.strictEqual(refused.headers["retry-after"], "1")
      assert.strictEqual(gateway.reached(), 5)

      works = true
      yield* ask.pipe(
        Effect.repeat({ until: ({ status }) => status === 200, schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("5 seconds"),
      )
      assert.strictEqual(gateway.reached(), 6)
    }),
  )

  it.live("that says no to a request works", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({
        plant: (_, response) => {
          response.writeHead(500).end()
          return true
        },
      })
      const headers = { authorization: `Bearer ${yield* gateway.token("CP")}` }
      for (let i = 0; i < 12; i++) assert.strictEqual((yield* gateway.send({ path, headers })).status, 500)
      assert.strictEqual(gateway.reached(), 12)
    }),
  )

  it.live("takes PLANT_CONCURRENCY requests at once, and the sandbox does not pay for it", () =>
    Effect.gen(function* () {
      const waiting: Array<ServerResponse> = []
      const gateway = yield* startGateway({
        env: { PLANT_CONCURRENCY: "2" },
        plant: (_, response) => waiting.push(response) > 0,
      })
      const headers = { authorization: `Bearer ${yield* gateway.token("CP")}` }
      const trial = { authorization: `Bearer ${yield* gateway.token("CP", { trial: true })}` }
      const taken = yield* Effect.forkScoped(
        Effect.all([gateway.send({ path, headers }), gateway.send({ path, headers })], { concurrency: 2 }),
      )
      yield* until(() => waiting.length === 2)

      const refused = yield* gateway.send({ path, headers })
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers["retry-after"], "1")
      assert.strictEqual((yield* gateway.send({ path, headers: trial })).status, 200)

      for (const response of waiting) response.end()
      for (const { status } of yield* Fiber.join(taken)) assert.strictEqual(status, 200)
      const again = yield* Effect.forkScoped(gateway.send({ path, headers }))
      yield* until(() => waiting.length === 3)
      waiting[2]?.end()
      assert.strictEqual((yield* Fiber.join(again)).status, 200)
    }),
  )
})
