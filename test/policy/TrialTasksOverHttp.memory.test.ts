import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"
import { trialTasksOverHttp } from "./TrialTasksOverHttp.ts"

describe("Trial tasks, counted in memory", () => {
  trialTasksOverHttp({})
})

describe("A trial", () => {
  it.live("that has ended reaches nothing", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const token = yield* gateway.token("CP", {
        trial: true,
        trialExpiresAt: DateTime.makeUnsafe("2020-02-29T23:59:59Z"),
      })
      const answer = yield* gateway.send({
        path: "/cp/api/v1/agents",
        headers: { authorization: `Bearer ${token}` },
      })
      assert.strictEqual(answer.status, 403)
      assert.strictEqual(answer.headers["x-error-code"], "TRIAL_EXPIRED")
      assert.strictEqual(answer.json()["upgrade_url"], "https://waooaw.com/upgrade")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  const closed = [
    ["GET", "invoices/i-1"],
    ["POST", "invoices/i-1"],
    ["GET", "receipts/r-1"],
    ["PUT", "billing"],
    ["PATCH", "subscription"],
    ["POST", "subscriptions"],
  ] as const
  it.live.each(closed)("is closed to %s %s", ([method, path]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const token = yield* gateway.token("CP", { trial: true, roles: ["governor"] })
      const answer = yield* gateway.send({
        method,
        path: `/cp/api/v1/${path}`,
        headers: { authorization: `Bearer ${token}` },
      })
      assert.strictEqual(answer.status, 403)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("with the policies off still goes to the sandbox alone", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: { ENABLE_POLICY_MIDDLEWARE: "false" } })
      const token = yield* gateway.token("CP", { trial: true })
      const answer = yield* gateway.send({
        path: "/cp/api/v1/agents",
        headers: { authorization: `Bearer ${token}` },
      })
      assert.strictEqual(answer.status, 200)
      assert.lengthOf(gateway.plant.requests, 0)
      assert.lengthOf(gateway.sandbox.requests, 1)
    }),
  )
})
