import { Effect, Metric, Option } from "effect"
import { AuditLog } from "../audit/AuditLog.ts"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import type { Exchange, ExchangeShape } from "../http/Exchange.ts"
import { RequestIds } from "../http/RequestIds.ts"
import type { Match } from "../http/Routes.ts"
import type { App } from "../http/Stage.ts"
import { makeTally } from "../primitives/Tally.ts"
import type { Route } from "./FeatureFlags.ts"

/** Puts on record that a request passes the inner layers by, and counts it, before it goes. Made once, at start. */
export const makeBypass = Effect.gen(function* () {
  const { record } = yield* AuditLog
  const count = {
    row: yield* makeTally(bypassed, { because: "row" }),
    cohort: yield* makeTally(bypassed, { because: "cohort" }),
    default: yield* makeTally(bypassed, { because: "default" }),
  } satisfies Record<Route["because"], () => void>

  return <R>(
    { method }: ExchangeShape,
    { route }: Match,
    { portal, userId, customerId }: Identity,
    { because, cohort }: Route,
    direct: App<R>,
  ): App<R | RequestIds | Exchange> =>
    RequestIds.use(({ correlationId }) =>
      record({
        kind: "operations",
        name: "bypassed",
        severity: "INFO",
        correlationId: Option.some(correlationId),
        userId: Option.some(userId),
        customerId,
        details: { portal, method, route: route.template, because, cohort },
      }).pipe(
        Effect.flatMap(() => {
          count[because]()
          return direct
        }),
      ),
    )
})

const bypassed = Metric.counter("gateway_flags_bypassed_total", {
  description:
    "Requests sent to the direct integration, by what sent them there: a row, the cohort, the default",
  incremental: true,
})
