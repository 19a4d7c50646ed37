import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { ConstitutionalContext } from "../../src/auth/ConstitutionalContext.ts"
import { CustomerFlagsStage } from "../../src/flags/CustomerFlagsStage.ts"
import { Enrolment, passes } from "../../src/flags/Enrolment.ts"
import { Exchange } from "../../src/http/Exchange.ts"
import type { App } from "../../src/http/Stage.ts"
import { customer } from "../auth/Identities.ts"
import { answers, askingOf } from "../policy/StagesUnderTest.ts"

it.effect("switched off, the stage sends everybody through the gateway, with everything", () =>
  Effect.gen(function* () {
    const stage = yield* CustomerFlagsStage
    const { exchange, identity } = askingOf({ identity: customer(), path: "/api/v1/agents" })
    const everything = Enrolment.use((enrolment) => {
      const layers = ["rbac", "policy", "budget"] as const
      return answers(layers.every((layer) => passes(enrolment, layer)) ? 200 : 403)
    })
    const app = ConstitutionalContext.provide(
      exchange,
      identity,
    )(stage({ direct: Option.some(answers(500)), gateway: everything }))
    // The stage that is off reads nothing else.
    const answered = app as App<Exchange>
    const answer = yield* Effect.provideService(answered, Exchange, exchange)
    assert.strictEqual(answer.status, 200)
  }).pipe(Effect.provide(CustomerFlagsStage.layerOff)),
)
