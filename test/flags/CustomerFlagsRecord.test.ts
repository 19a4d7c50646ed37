import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cohortOf } from "../../src/flags/Cohort.ts"
import { metricsOf } from "../Metrics.ts"
import { type FlaggedSetup, notEnrolled, startFlagged } from "./FlaggedGateway.ts"

it.live("each request that bypasses the gateway is on record, with whose it is and why", () =>
  Effect.gen(function* () {
    const gateway = yield* startFlagged({ rows: { "customer-1": notEnrolled, "customer-2": {} } })
    yield* gateway.ask({
      as: { userId: "user-7" },
      method: "POST",
      path: "/api/v1/agents/a-1/execute",
      headers: { "x-correlation-id": "the-request" },
    })
    yield* gateway.ask({ as: { customerId: "customer-2" } })
    assert.deepStrictEqual(gateway.audited, [
      {
        kind: "operations",
        name: "bypassed",
        severity: "INFO",
        correlationId: Option.some("the-request"),
        userId: Option.some("user-7"),
        customerId: Option.some("customer-1"),
        details: {
          portal: "CP",
          method: "POST",
          route: "/api/v1/agents/{id}/execute",
          because: "row",
          cohort: cohortOf("customer-1"),
        },
      },
    ])
  }),
)

it.live("it is on record before the direct integration hears of it, so also when that is away", () =>
  Effect.gen(function* () {
    const urls = {
      plant: "http://127.0.0.1:1",
      sandbox: Option.none(),
      direct: Option.some("http://127.0.0.1:1"),
    }
    const gateway = yield* startFlagged({ rows: { "customer-1": notEnrolled }, urls })
    assert.strictEqual((yield* gateway.ask()).status, 502)
    assert.deepStrictEqual(
      gateway.audited.map(({ name }) => name),
      ["bypassed"],
    )
  }),
)

/** What a gateway has counted of these customers' requests. */
const countedOf = (setup: FlaggedSetup, customers: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const gateway = yield* startFlagged(setup)
      for (const customerId of customers) yield* gateway.ask({ as: { customerId } })
      return { metrics: yield* metricsOf("gateway_flags_"), audited: gateway.audited.length }
    }),
  )

it.live("bypasses are counted by why, and refusals by why", () =>
  Effect.gen(function* () {
    const rows = { "customer-1": notEnrolled }
    const env = { FLAGS_DEFAULT_ENABLED: "false" }
    const bypassed = yield* countedOf({ rows, env }, ["customer-1", "customer-8", "customer-9"])
    assert.strictEqual(bypassed.metrics["gateway_flags_bypassed_total row"], 1)
    assert.strictEqual(bypassed.metrics["gateway_flags_bypassed_total default"], 2)
    const lost = yield* countedOf({ away: true, env }, ["customer-1"])
    assert.strictEqual(lost.metrics["gateway_flags_refused_total unknown"], 1)
    const urls = { plant: "http://127.0.0.1:1", sandbox: Option.none() }
    const nowhere = yield* countedOf({ rows, urls }, ["customer-1"])
    assert.strictEqual(nowhere.metrics["gateway_flags_refused_total no-direct"], 1)
    assert.deepStrictEqual([bypassed.audited, lost.audited, nowhere.audited], [3, 0, 0])
  }),
)
