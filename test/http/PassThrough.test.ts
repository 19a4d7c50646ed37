import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"

it.live("a signed-in customer reaches Plant", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const token = yield* gateway.token("CP")
    const answer = yield* gateway.send({
      path: "/cp/api/v1/agents",
      headers: { authorization: `Bearer ${token}` },
    })
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(answer.json()["upstream"], "plant")
    assert.strictEqual(gateway.reached(), 1)
  }),
)
