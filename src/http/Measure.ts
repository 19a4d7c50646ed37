import { Clock, Context, Effect, Layer, Metric } from "effect"
import { statusOf } from "./AnswerStatus.ts"
import { Exchange } from "./Exchange.ts"
import type { PortalId } from "../portals/Portal.ts"
import type { Stage } from "./Stage.ts"
import { showMetricUnsafe } from "../primitives/ShownMetric.ts"

/** Requests answered, by portal and status; 499 is a client that went away. */
const requests = (attributes: { readonly portal: string; readonly status: string }) =>
  Metric.counter("gateway_http_requests_total", {
    description: "Requests answered, by portal and status.",
    incremental: true,
    attributes,
  })

/** From the first stage to the last byte of the answer, in seconds. */
const duration = Metric.histogram("gateway_http_request_duration_seconds", {
  description: "Time from the request's headers to the answer's last byte, in seconds.",
  boundaries: Metric.exponentialBoundaries({ start: 0.0005, factor: 2, count: 16 }),
})

/** Counts and times every request (SPEC 13). */
export class MeasureStage extends Context.Service<MeasureStage, Stage<never, Exchange>>()(
  "gateway/http/MeasureStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const context = yield* Effect.context<never>()
      const { countFor, forget } = makeCounts(context)
      yield* Effect.addFinalizer(() => Effect.sync(forget))
      return MeasureStage.of((app) =>
        Exchange.use((exchange) => {
          const started = clock.monotonicTimeNanosUnsafe()
          return Effect.onExitPrimitive(app, (exit) => {
            duration.updateUnsafe(Number(clock.monotonicTimeNanosUnsafe() - started) / 1e9, context)
            countFor(exchange.portal ?? "none", statusOf(exit, exchange.response)).count++
            // Nothing is left to run: `onExit` would take an effect, and a step of the fiber for it.
            return undefined
          })
        }),
      )
    }),
  )
}

/** The series of `requests`, each a number that is read when metrics are: every request adds to one. */
const makeCounts = (context: Context.Context<never>) => {
  const portals: Record<PortalId | "none", Array<Metric.CounterState<number> & { count: number }>> = {
    CP: [],
    PP: [],
    none: [],
  }
  const registrations: Array<Metric.Registration> = []
  return {
    countFor: (portal: PortalId | "none", status: number) => {
      const known = portals[portal][status]
      if (known !== undefined) return known
      const series = { count: 0, incremental: true }
      portals[portal][status] = series
      const counter = requests({ portal, status: String(status) })
      registrations.push(showMetricUnsafe(counter, context, () => series))
      return series
    },
    forget: () => registrations.forEach((registration) => registration.remove()),
  }
}
