import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option } from "effect"
import { assertProblem } from "../RawAnswer.ts"
import { notEnrolled, requestsAt, startFlagged } from "./FlaggedGateway.ts"

const rows = { "customer-1": { ...notEnrolled, middleware: { policy: false } }, "customer-2": {} }
const trial = { trial: true }

describe("a trial that is not enrolled", () => {
  it.live("stays in the gateway, which sends it to the sandbox: the direct integration is production", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      assert.strictEqual((yield* gateway.ask({ as: trial })).json()["upstream"], "plant-sandbox")
      assert.strictEqual(gateway.reached(), 1)
      assert.isEmpty(gateway.audited)
    }),
  )

  it.live("has all the stages there, whatever its row has off", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const as = { ...trial, trialExpiresAt: DateTime.makeUnsafe(0) }
      assertProblem(yield* gateway.ask({ as }), "trial-expired")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("is refused when there is no sandbox: nothing sends it to production", () =>
    Effect.gen(function* () {
      const { plant } = yield* startFlagged({})
      const urls = { plant: plant.url, sandbox: Option.none(), direct: Option.some(plant.url) }
      const gateway = yield* startFlagged({ rows, urls })
      assertProblem(yield* gateway.ask({ as: trial }), "service-unavailable")
      assert.strictEqual(requestsAt(plant), 0)
      // Who pays is served by the same Plant, either way.
      for (const customerId of ["customer-1", "customer-2"])
        assert.strictEqual((yield* gateway.ask({ as: { customerId } })).status, 200)
    }),
  )
})

it.live("a trial that is enrolled goes to the sandbox, never to the direct integration", () =>
  Effect.gen(function* () {
    const gateway = yield* startFlagged({ rows })
    const answer = yield* gateway.ask({ as: { ...trial, customerId: "customer-2" } })
    assert.strictEqual(answer.json()["upstream"], "plant-sandbox")
    assert.strictEqual(gateway.reached(), 1)
  }),
)
