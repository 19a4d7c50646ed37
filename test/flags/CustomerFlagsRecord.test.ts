import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cohortOf } from "../../src/flags/Cohort.ts"
import { metricsOf } from "../Metrics.ts"
import { notEnrolled, startFlagged } from "./FlaggedGateway.ts"

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

it.live("bypasses are counted by why, and refusals by why", () =>
  Effect.gen(function* () {
    const before = yield* metricsOf("gateway_flags_")
    const direct = yield* startFlagged({
      rows: { "customer-1": notEnrolled },
      env: { FLAGS_DEFAULT_ENABLED: "false" },
    })
    yield* direct.ask()
    for (const customerId of ["customer-8", "customer-9"]) yield* direct.ask({ as: { customerId } })
    const lost = yield* startFlagged({ away: true, env: { FLAGS_DEFAULT_ENABLED: "false" } })
    yield* lost.ask()
    const nowhere = yield* startFlagged({
      rows: { "customer-1": notEnrolled },
      urls: { plant: "http://127.0.0.1:1", sandbox: Option.none() },
    })
    yield* nowhere.ask()
    const after = yield* metricsOf("gateway_flags_")
    const grown = (name: string) => Number(after[name]) - Number(before[name] ?? 0)
    assert.strictEqual(grown("gateway_flags_bypassed_total row"), 1)
    assert.strictEqual(grown("gateway_flags_bypassed_total default"), 2)
    assert.strictEqual(grown("gateway_flags_refused_total unknown"), 1)
    assert.strictEqual(grown("gateway_flags_refused_total no-direct"), 1)
    assert.isEmpty([...lost.audited, ...nowhere.audited])
  }),
)
