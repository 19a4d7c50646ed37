import { Effect, Metric } from "effect"

/** A series of a counter that costs its user an addition: it is read when metrics are, not told each time. */
export const makeTally = Effect.fnUntraced(function* (
  counter: Metric.Counter<number>,
  labels: Readonly<Record<string, string>>,
) {
  let count = 0
  const series = Metric.registerUnsafe(
    Metric.withAttributes(counter, labels),
    yield* Effect.context<never>(),
    { get: () => ({ count, incremental: true }), update: () => {}, modify: () => {} },
  )
  yield* Effect.addFinalizer(() => Effect.sync(series.remove))
  return (): void => {
    count++
  }
})
