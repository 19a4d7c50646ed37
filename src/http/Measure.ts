import { Cause, Clock, Context, Effect, Exit, Layer, Metric } from "effect"
import type { ServerResponse } from "node:http"
import { isClientAbort } from "./ClientAbort.ts"
import { Exchange } from "./Exchange.ts"
import type { Problem } from "./Problems.ts"
import { answered } from "./Relay.ts"
import type { Response, Stage } from "./Stage.ts"

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
      const counters = new Map<string, Metric.Counter<number>>()
      const counterFor = (portal: string, status: number) => {
        const key = `${portal}:${status}`
        const known = counters.get(key)
        if (known !== undefined) return known
        const counter = requests({ portal, status: String(status) })
        counters.set(key, counter)
        return counter
      }
      return MeasureStage.of((app) =>
        Exchange.use((exchange) => {
          const started = clock.monotonicTimeNanosUnsafe()
          return Effect.onExitPrimitive(app, (exit) => {
            duration.updateUnsafe(Number(clock.monotonicTimeNanosUnsafe() - started) / 1e9, context)
            counterFor(exchange.portal ?? "none", statusOf(exit, exchange.response)).updateUnsafe(1, context)
            // Nothing is left to run: `onExit` would take an effect, and a step of the fiber for it.
            return undefined
          })
        }),
      )
    }),
  )
}

const statusOf = (exit: Exit.Exit<Response, Problem>, response: ServerResponse): number => {
  if (Exit.isSuccess(exit)) {
    return exit.value === answered ? response.statusCode : exit.value.status
  }
  if (isClientAbort(exit.cause)) return 499
  if (Cause.hasInterruptsOnly(exit.cause)) return 503
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure?.error.status ?? 500
}
