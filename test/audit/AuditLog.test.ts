import { assert, it } from "@effect/vitest"
import { Effect, Option, References } from "effect"
import { AuditLog } from "../../src/audit/AuditLog.ts"
import { loggedIn } from "../Logged.ts"

it.effect("what must be on record is logged, however little an operator wants to read", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* AuditLog.use(({ record }) =>
      Effect.andThen(
        Effect.logInfo("Not on record."),
        record({
          kind: "operations",
          name: "bypassed",
          severity: "INFO",
          correlationId: Option.none(),
          userId: Option.none(),
          customerId: Option.some("customer-1"),
          details: {},
        }),
      ),
    ).pipe(
      Effect.provide([AuditLog.layerLog, loggedIn(lines)]),
      Effect.provideService(References.MinimumLogLevel, "Error"),
    )
    assert.deepStrictEqual(lines, ["Info: Audit: bypassed"])
  }),
)
