import { Option } from "effect"
import type { GatewaySettings } from "../config/GatewayConfig.ts"
import { isSurelyMore, isSurelyOver } from "./Confidence.ts"
import { quantile, slowerThan, timed } from "./Latency.ts"
import type { Rollout } from "./Rollout.ts"
import { type BothGroups, type GroupSamples, type Seen, type Span, spans } from "./Samples.ts"

/** One thing that was compared. Ratios from 0 to 1, latencies in seconds. */
export interface Check {
  readonly metric: "error-ratio" | "p95-latency"
  /** Null where the group has too few requests. */
  readonly canary: number | null
  readonly control: number | null
  /** What the canary may be at most; null where there is nothing to compare with. */
  readonly limit: number | null
  readonly verdict: "kept" | "broken" | "missing"
}

/** What the analysis makes of a step. It is what is stored as evidence. */
export interface Assessment {
  readonly verdict: "good" | "broken" | "insufficient"
  readonly checks: ReadonlyArray<Check>
  readonly requests: { readonly canary: number; readonly control: number }
  readonly errors: { readonly canary: number; readonly control: number }
  /** What was judged: milliseconds since the epoch. */
  readonly since: number
  readonly until: number
  /** Whether all instances' requests were judged, or this one's alone because the database was away. */
  readonly scope: "all" | "this-instance"
}

export type Limits = GatewaySettings["rollout"]

/** A canary's p95 that is less than this above the control's, in seconds, is no slower: the gateway does more for it. */
const latencyFloor = 0.01

/** The shortest first: where several are broken, it says what is broken now. */
const shortestFirst: ReadonlyArray<Span> = ["minute", "five-minutes", "half-hour", "step"]

/** Where everybody is enrolled, nobody is left to compare with. */
const hasControl = ({ cohort }: Rollout): boolean => !Option.contains(cohort, "stable_100pct")

/**
 * Judges a step by what was seen of it (SPEC 11). It is
 *
 * - `broken` when a check is in any span that has enough requests; what is told is then that span;
 * - `good` when over the whole step no check is broken, none that can be made is missing, and the canary's errors are not
 *   over the ceiling, whatever the control's are;
 * - `insufficient` otherwise.
 *
 * The canary's share of errors is held against the control's, or against the ceiling where the control has too few
 * requests; its p95 latency against the control's. A check is broken when there is no reasonable doubt (`Confidence`).
 */
export const assess = (
  rollout: Rollout,
  seen: Seen,
  limits: Limits,
  now: number,
  scope: Assessment["scope"],
): Assessment => {
  const judge = (span: Span): Assessment => {
    const { canary, control } = seen[span]
    const errors = checkErrors(seen[span], limits)
    const latency = checkLatency(seen[span], limits)
    const isBroken = errors.verdict === "broken" || latency.verdict === "broken"
    const isComparable = control.requests >= limits.minSample || !hasControl(rollout)
    // A control that fails as often excuses a canary, and recommends it no further.
    const isSound = errors.canary !== null && errors.canary <= limits.errorCeiling
    return {
      verdict: isBroken ? "broken" : isSound && isComparable ? "good" : "insufficient",
      checks: [errors, latency],
      requests: { canary: canary.requests, control: control.requests },
      errors: { canary: canary.errors, control: control.errors },
      since: startOf(span, rollout, now),
      until: now,
      scope,
    }
  }
  const judged = shortestFirst.map(judge)
  return judged.find(({ verdict }) => verdict === "broken") ?? judge("step")
}

/** Where a span begins that ends now: never before the step. */
export const startOf = (span: Span, { stepStartedAt }: Rollout, now: number): number =>
  Math.max(stepStartedAt, now - spans[span])

/**
 * Whether the canary was seen in the last half hour as often as it must be for the minimum sample in a step: what went
 * well long ago, and is not seen any more, takes a rollout no further.
 */
export const isStillSeen = (seen: Seen, { minSample, stepSeconds }: Limits): boolean =>
  seen["half-hour"].canary.requests >= minSample * Math.min(1, spans["half-hour"] / 1000 / stepSeconds)

const checkErrors = ({ canary, control }: BothGroups, limits: Limits): Check => {
  const metric = "error-ratio"
  if (canary.requests < limits.minSample) return missing(metric)
  const seen = { of: canary.requests, part: canary.errors }
  const ratio = canary.errors / canary.requests
  const other = { of: control.requests, part: control.errors }
  const relative = control.errors / Math.max(1, control.requests) + limits.errorMargin
  if (control.requests < limits.minSample) {
    // The few there are show nothing but this: where the control fails too, the canary is not to blame.
    const limit = Math.max(limits.errorCeiling, relative)
    return { metric, canary: ratio, control: null, limit, verdict: verdict(isSurelyOver(seen, limit)) }
  }
  return {
    metric,
    canary: ratio,
    control: control.errors / control.requests,
    limit: relative,
    verdict: verdict(isSurelyMore(seen, other, limits.errorMargin)),
  }
}

/**
 * The canary's p95 is over the limit when more than 5 % of its requests are. So that is what is counted, against the
 * 5 % of the control's that took longer than its p95: no distribution is assumed, and a p95 that few requests show is
 * trusted as little as it deserves.
 */
const checkLatency = ({ canary, control }: BothGroups, { minSample, latencyFactor }: Limits): Check => {
  const metric = "p95-latency"
  const [own, controls] = [p95(canary, minSample), p95(control, minSample)]
  if (own === null || controls === null) return { ...missing(metric), canary: own, control: controls }
  const limit = Math.max(controls * latencyFactor, controls + latencyFloor)
  const slow = { of: timed(canary), part: slowerThan(canary, limit) }
  const asSlow = { of: timed(control), part: timed(control) * (1 - quantileJudged) }
  return { metric, canary: own, control: controls, limit, verdict: verdict(isSurelyMore(slow, asSlow, 0)) }
}
const quantileJudged = 0.95

const p95 = (samples: GroupSamples, minSample: number): number | null =>
  timed(samples) < minSample ? null : (quantile(samples, quantileJudged) ?? null)

const missing = (metric: Check["metric"]): Check => ({
  metric,
  canary: null,
  control: null,
  limit: null,
  verdict: "missing",
})

const verdict = (isBroken: boolean): Check["verdict"] => (isBroken ? "broken" : "kept")
