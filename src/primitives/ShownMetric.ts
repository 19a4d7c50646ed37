import { type Context, Effect, Metric } from "effect"

/** Has a metric read when metrics are: who makes its value tells nobody each time. The registration ends it. */
export const showMetricUnsafe = <Input, State>(
  metric: Metric.Metric<Input, State>,
  context: Context.Context<never>,
  get: () => State,
): Metric.Registration => Metric.registerUnsafe(metric, context, { get, update: () => {}, modify: () => {} })

/** The same until the scope closes. */
export const showMetric = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State) =>
  Effect.flatMap(Effect.context<never>(), (context) =>
    Effect.acquireRelease(
      Effect.sync(() => showMetricUnsafe(metric, context, get)),
      (shown) => Effect.sync(() => shown.remove()),
    ),
  )
