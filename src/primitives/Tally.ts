import { Effect, Metric } from "effect"
import { showMetric } from "./ShownMetric.ts"

/** A series of a counter that costs its user an addition: it is read when metrics are, not told each time. */
export const makeTally = Effect.fnUntraced(function* (
  counter: Metric.Counter<number>,
  labels: Readonly<Record<string, string>>,
) {
  let count = 0
  yield* showMetric(Metric.withAttributes(counter, labels), () => ({ count, incremental: true }))
  return (): void => {
    count++
  }
})
