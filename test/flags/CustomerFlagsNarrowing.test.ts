import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { lastHeader } from "../GatewayUnderTest.ts"
import { assertProblem } from "../RawAnswer.ts"
import { requestsAt, startFlagged } from "./FlaggedGateway.ts"

const rows = {
  "customer-1": { middleware: { policy: false } },
  "customer-2": { middleware: { rbac: false } },
  "customer-3": { middleware: { rbac: false, policy: false, budget: false } },
}
/** A trial that has ended, which the policies refuse. */
const ended = { trial: true, trialExpiresAt: DateTime.makeUnsafe(0) }
/** What a viewer may not. */
const creates = { portal: "PP", method: "POST" } as const
const viewerOf = (customerId: string) => ({ customerId, roles: ["viewer"] })

describe("a row that has the policies off", () => {
  it.live("lets its customer do what the policies would forbid, and nobody else", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const answer = yield* gateway.ask({ as: ended })
      assert.strictEqual(answer.json()["upstream"], "plant-sandbox")
      for (const customerId of ["customer-2", "customer-9"])
        assertProblem(yield* gateway.ask({ as: { ...ended, customerId } }), "trial-expired")
      assert.strictEqual(gateway.reached(), 1)
    }),
  )

  it.live("lets its customer's staff do no more than their roles may", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      assertProblem(yield* gateway.ask({ ...creates, as: viewerOf("customer-1") }), "permission-denied")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )
})

describe("a row that has RBAC off", () => {
  it.live("lets its customer's staff do what their roles may not, and nobody else", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const answer = yield* gateway.ask({ ...creates, as: viewerOf("customer-2") })
      assert.strictEqual(answer.status, 201)
      assert.isUndefined(lastHeader(gateway.plant, "x-user-role-level"))
      for (const customerId of ["customer-1", "customer-9"])
        assertProblem(yield* gateway.ask({ ...creates, as: viewerOf(customerId) }), "permission-denied")
      assert.strictEqual(gateway.reached(), 1)
    }),
  )
})

describe("a row that has everything off", () => {
  const as = { customerId: "customer-3" }

  it.live("leaves the gateway what no row can switch off: who calls, and whose data it is", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      yield* gateway.ask({ as, path: "/api/v1/trial-status?customer_id=customer-9" })
      assert.strictEqual(gateway.plant.requests.at(-1)?.url, "/api/v1/trial-status?customer_id=customer-3")
      assert.strictEqual(lastHeader(gateway.plant, "x-customer-id"), "customer-3")
      assert.strictEqual(lastHeader(gateway.plant, "x-target-backend"), "production")
    }),
  )

  it.live("lets no trial into production", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const answer = yield* gateway.ask({ as: { ...as, trial: true } })
      assert.strictEqual(answer.json()["upstream"], "plant-sandbox")
      assert.strictEqual(lastHeader(gateway.sandbox, "x-target-backend"), "sandbox")
      assert.strictEqual(requestsAt(gateway.plant) + requestsAt(gateway.direct), 0)
    }),
  )

  it.live("does not hold for the gateway's own routes", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const expired = { ...ended, ...as }
      assert.strictEqual((yield* gateway.ask({ as: expired })).status, 200)
      assertProblem(yield* gateway.ask({ as: expired, path: "/api/v1/budgets/platform" }), "trial-expired")
    }),
  )
})
