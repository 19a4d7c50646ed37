import { Cause, Duration, Effect, Exit, Metric } from "effect"
import { showMetric } from "../primitives/ShownMetric.ts"
import { type Admission, type Breaker, CircuitOpen } from "../rollback/Breakers.ts"
import { Problem } from "./Problems.ts"
import type { Response } from "./Stage.ts"
import { UploadCutShort } from "./Upload.ts"

/** Requests end by themselves; streams last as long as their clients stay. Each kind has a bulkhead of its own. */
export type Kind = "requests" | "streams"

/**
 * What stands before one upstream: its circuit breaker and its bulkheads (SPEC 13). Whom it refuses gets
 * `service-unavailable` with `Retry-After`, and the upstream hears nothing of it.
 */
export interface UpstreamGuard {
  /**
   * Runs `relay`, which calls `heard` with the final status as soon as the answer's head has come. That decides
   * whether the upstream works: a body may take as long as its client likes. 502, 503 and 504 count against the
   * upstream, and so do the problems `bad-gateway` and `gateway-timeout` while nothing was heard, but for
   * `UploadCutShort`; every other problem, a client that goes away and a defect say nothing of it.
   */
  readonly guard: <R>(
    kind: Kind,
    relay: (heard: (status: number) => void) => Effect.Effect<Response, Problem, R>,
  ) => Effect.Effect<Response, Problem, R>
}

const inFlight = Metric.gauge("gateway_upstream_in_flight", {
  description: "Requests and streams at an upstream now",
})
const refused = Metric.counter("gateway_upstream_refused_total", {
  description:
    "Requests that were not sent to an upstream, by why: its circuit is open, or it has enough to do",
  incremental: true,
})

/** The guard of the upstream that the breaker is of; `concurrency` is `PLANT_CONCURRENCY`, for each kind. */
export const makeUpstreamGuard = Effect.fnUntraced(function* (options: {
  readonly breaker: Breaker
  readonly concurrency: number
}) {
  const { breaker, concurrency } = options
  const upstream = breaker.dependency
  const busy = { requests: 0, streams: 0 }

  for (const kind of ["requests", "streams"] as const) {
    yield* showMetric(Metric.withAttributes(inFlight, { upstream, kind }), () => ({ value: busy[kind] }))
  }
  const countRefused = (reason: "circuit" | "bulkhead") =>
    Metric.update(Metric.withAttributes(refused, { upstream, reason }), 1)

  const atBulkhead = Effect.andThen(
    countRefused("bulkhead"),
    Effect.suspend(() => Effect.fail(unavailable("The backend has as many requests as it can take.", 1))),
  )
  const atCircuit = ({ retryAfter }: CircuitOpen) =>
    Effect.andThen(
      countRefused("circuit"),
      Effect.suspend(() =>
        Effect.fail(unavailable("The backend does not work at the moment.", Duration.toSeconds(retryAfter))),
      ),
    )

  return {
    guard: (kind, relay) =>
      Effect.suspend(() => {
        let admission: Admission | undefined
        return Effect.onExitPrimitive(
          // Inside, for an interruption between taking a place and promising to leave it would lose the place.
          Effect.suspend(() => {
            if (busy[kind] >= concurrency) return atBulkhead
            const admitted = breaker.admit()
            if (admitted instanceof CircuitOpen) return atCircuit(admitted)
            admission = admitted
            busy[kind]++
            return relay((status) => (isAway(status) ? admitted.failed() : admitted.succeeded()))
          }),
          (exit): undefined => {
            if (admission === undefined) return
            busy[kind]--
            if (showsAbsence(exit)) admission.failed()
            else admission.ended()
          },
        )
      }),
  } satisfies UpstreamGuard
})

/** What a proxy or a balancer before the upstream says for it, or it for itself. */
const isAway = (status: number): boolean => status >= 502 && status <= 504

const showsAbsence = (exit: Exit.Exit<Response, Problem>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some(
    (reason) =>
      Cause.isFailReason(reason) &&
      (reason.error.slug === "bad-gateway" || reason.error.slug === "gateway-timeout") &&
      !(reason.error.cause instanceof UploadCutShort),
  )

const unavailable = (detail: string, seconds: number): Problem =>
  new Problem({
    slug: "service-unavailable",
    detail,
    headers: { "retry-after": String(Math.max(1, Math.ceil(seconds))) },
  })
