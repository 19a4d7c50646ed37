import { Clock, Effect, Metric, Option } from "effect"
import type { FlagsStatus } from "./FeatureFlags.ts"
import { showMetric } from "../primitives/ShownMetric.ts"

const age = Metric.gauge("gateway_flags_age_seconds", {
  description:
    "How long ago the database confirmed the flags in use; while there are none to use, how long that has been so",
})
const revision = Metric.gauge("gateway_flags_revision", {
  description: "The revision of the flags in use; the same on all instances, within a second",
})
const rows = Metric.gauge("gateway_flags_rows", { description: "Customers who have a row of their own" })

/** Shows how the flags stand whenever the metrics are read, until the scope closes. */
export const showFlags = Effect.fnUntraced(function* (status: () => FlagsStatus) {
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  /** Seconds; 0 where nothing can be older than it is, because the database has not been started. */
  const ageOf = ({ state, confirmedAt }: FlagsStatus): number => {
    if (Option.isNone(confirmedAt) && state === "current") return 0
    const since = Option.getOrElse(confirmedAt, () => startedAt)
    return Math.max(0, clock.currentTimeMillisUnsafe() - since) / 1000
  }
  const show = (gauge: Metric.Gauge<number>, valueOf: (status: FlagsStatus) => number) =>
    showMetric(gauge, () => ({ value: valueOf(status()) }))
  yield* show(age, ageOf)
  yield* show(revision, (now) => Option.getOrElse(now.revision, () => 0))
  yield* show(rows, (now) => now.rows)
})
