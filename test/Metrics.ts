import { Effect, Metric } from "effect"

/**
 * The counters, gauges and histograms whose names begin like this: values, or how many were observed, by name and
 * labels' values in a row, such as `gateway_breaker_state plant`.
 */
export const metricsOf = (prefix: string) =>
  Effect.map(Metric.snapshot, (snapshots) =>
    Object.fromEntries(
      snapshots
        .filter(({ id }) => id.startsWith(prefix))
        .map(({ id, attributes, state }) => [
          [id, ...Object.values(attributes ?? {})].join(" "),
          "value" in state ? state.value : "count" in state ? Number(state.count) : undefined,
        ]),
    ),
  )
