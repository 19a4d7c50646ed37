import { assert, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { type GatewayUnderTest, lastHeader, startGateway } from "../GatewayUnderTest.ts"

/** Creates a task as the customer. */
const createTask = (gateway: GatewayUnderTest, token: string) =>
  gateway.send({
    method: "POST",
    path: "/cp/api/v1/tasks",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: "{}",
  })

const day = 86_400_000

/** The limit on a trial customer's tasks, over real sockets, counted where `env` says. */
export const trialTasksOverHttp = (env: Readonly<Record<string, string>>): void => {
  const startTrial = Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    // No other test, and no run before, has counted for this customer.
    const customerId = `customer-${randomUUID()}`
    return { gateway, customerId, token: yield* gateway.token("CP", { customerId, trial: true }) }
  })

  it.live("ten tasks a day pass, to the sandbox; the eleventh is told when it may come again", () =>
    Effect.gen(function* () {
      const { gateway, token } = yield* startTrial
      for (let i = 0; i < 10; i++) assert.isBelow((yield* createTask(gateway, token)).status, 300)
      assert.lengthOf(gateway.sandbox.requests, 10)
      assert.strictEqual(lastHeader(gateway.sandbox, "x-target-backend"), "sandbox")

      const before = Date.now()
      const refused = yield* createTask(gateway, token)
      const midnight = (Math.floor(before / day) + 1) * day
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["x-error-code"], "TRIAL_LIMIT_EXCEEDED")
      const problem = refused.json()
      assert.strictEqual(problem["task_count"], 10)
      assert.strictEqual(problem["limit"], 10)
      assert.strictEqual(problem["upgrade_url"], "https://waooaw.com/upgrade")
      assert.strictEqual(problem["reset_at"], DateTime.formatIso(DateTime.makeUnsafe(midnight)))
      const seconds = Number(refused.headers["retry-after"])
      assert.isAtMost(Math.abs(seconds - (midnight - before) / 1000), 2)
      assert.lengthOf(gateway.sandbox.requests, 10)
      assert.lengthOf(gateway.plant.requests, 0)
    }),
  )

  it.live("of fifty that come at once exactly ten pass", () =>
    Effect.gen(function* () {
      const { gateway, token } = yield* startTrial
      const answers = yield* Effect.all(
        Array.from({ length: 50 }, () => createTask(gateway, token)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        answers.filter(({ status }) => status < 300),
        10,
      )
      assert.lengthOf(
        answers.filter(({ status }) => status === 429),
        40,
      )
      assert.lengthOf(gateway.sandbox.requests, 10)
    }),
  )

  it.live("reading counts nothing, another customer has its own count, and who pays has no limit", () =>
    Effect.gen(function* () {
      const { gateway, customerId, token } = yield* startTrial
      for (let i = 0; i < 12; i++) {
        const { status } = yield* gateway.send({
          path: "/cp/api/v1/agents",
          headers: { authorization: `Bearer ${token}` },
        })
        assert.strictEqual(status, 200)
      }
      for (let i = 0; i < 10; i++) yield* createTask(gateway, token)
      assert.strictEqual((yield* createTask(gateway, token)).status, 429)

      const other = yield* gateway.token("CP", { customerId: `${customerId}-other`, trial: true })
      assert.isBelow((yield* createTask(gateway, other)).status, 300)
      const paying = yield* gateway.token("CP", { customerId, trial: false })
      assert.isBelow((yield* createTask(gateway, paying)).status, 300)
    }),
  )

  it.live("a task that the backend refuses is given back", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({
        env,
        sandbox: (_request, response) => {
          response.writeHead(422).end()
          return true
        },
      })
      const token = yield* gateway.token("CP", { customerId: `customer-${randomUUID()}`, trial: true })
      for (let i = 0; i < 15; i++) assert.strictEqual((yield* createTask(gateway, token)).status, 422)
    }),
  )
}
