import { assert, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { PolicyEngine } from "../../../src/policy/PolicyEngine.ts"
import { describeLive } from "../../Live.ts"
import { startOpaServers } from "../../OpaServer.ts"
import { customer, malformed, sensitive, trial } from "../../policy/Requests.ts"
import { overServers, untilStanding } from "./StandInOpa.ts"
import { reasonOf } from "./TwoOpas.ts"

/** TypeScript does not know it yet. */
const rawJson: (text: string) => unknown = Reflect.get(JSON, "rawJSON")
/** OPA refuses a whole query that has such a number anywhere, with 400 "number too big". */
const tooBig = malformed({ ...customer, now: rawJson("1e99999") })

await describeLive("A query to OPA that has a request in it which OPA cannot read", "TEST_OPA_URLS", () => {
  it.live("fails that request alone, each of the others gets its own decision", () =>
    Effect.gen(function* () {
      const { servers } = yield* startOpaServers
      yield* Effect.gen(function* () {
        yield* untilStanding("up", "up")
        const { decide } = yield* PolicyEngine
        const good = [customer, sensitive, trial, { ...customer, closed_to_trials: true }]
        const requests = [...good.slice(0, 2), tooBig, ...good.slice(2)]
        const together = yield* Effect.forEach(requests, (request) => Effect.exit(decide(request)), {
          concurrency: "unbounded",
        })
        assert.deepStrictEqual(together.map(reasonOf), ["decided", "decided", "status", "decided", "decided"])
        const alone = yield* Effect.forEach(good, (request) => Effect.exit(decide(request)))
        assert.deepStrictEqual(together.filter(Exit.isSuccess), alone)
        // Neither server is to blame.
        yield* untilStanding("up", "up")
      }).pipe(
        Effect.provide(
          overServers(
            servers.map(({ url }) => url),
            { OPA_TIMEOUT_MS: "2000" },
          ),
        ),
      )
    }),
  )
})
