import { Option } from "effect"
import type { Middleware } from "../flags/CustomerFlags.ts"
import type { FlagsStatus, Route } from "../flags/FeatureFlags.ts"

/** What a flag is for one customer, in the words of OFREP. */
export interface Evaluation {
  readonly key: string
  readonly value: boolean | string
  readonly variant: string
  /** One of OpenFeature's resolution reasons. */
  readonly reason: "TARGETING_MATCH" | "SPLIT" | "DEFAULT" | "STALE"
  readonly metadata: {
    /** What decided: also where the reason is STALE. */
    readonly because: Route["because"]
    /** Absent while there never were any flags; so is `age_seconds`. */
    readonly revision?: number
    /** Whole seconds since the database last confirmed the flags. */
    readonly age_seconds?: number
    readonly stale: boolean
  }
}

/** What is known of one customer at one time; `now` in milliseconds since the epoch. */
export interface Known {
  readonly route: Route
  readonly status: FlagsStatus
  readonly now: number
}

const reasons = { row: "TARGETING_MATCH", cohort: "SPLIT", default: "DEFAULT" } as const

type Flag = (known: Known) => Evaluation

/** A flag that follows from which way the customer goes. */
const byRoute = (key: string, valueOf: (route: Route) => boolean): readonly [string, Flag] => [
  key,
  (known) => {
    const value = valueOf(known.route)
    const metadata = metadataOf(known, known.route.because)
    const reason = metadata.stale ? "STALE" : reasons[metadata.because]
    return { key, value, variant: value ? "on" : "off", reason, metadata }
  },
]

/** Whoever goes direct passes no layer, whatever a row says of it: "on" would look guarded. */
const passes = (layer: keyof Middleware) =>
  byRoute(`middleware.${layer}`, ({ to, middleware }) => to === "gateway" && middleware[layer])

/** Follows from the id alone, so that it is never out of date. */
const cohort: Flag = (known) => ({
  key: "rollout_cohort",
  value: known.route.cohort,
  variant: known.route.cohort,
  reason: "SPLIT",
  metadata: metadataOf(known, "cohort"),
})

/** By key; what is answered in bulk is in this order. */
export const flags: ReadonlyMap<string, Flag> = new Map([
  byRoute("gateway_enabled", ({ to }) => to === "gateway"),
  passes("rbac"),
  passes("policy"),
  passes("budget"),
  ["rollout_cohort", cohort],
])

const metadataOf = ({ status, now }: Known, because: Route["because"]): Evaluation["metadata"] => ({
  because,
  ...Option.match(status.revision, { onNone: () => ({}), onSome: (revision) => ({ revision }) }),
  ...Option.match(status.confirmedAt, {
    onNone: () => ({}),
    // The clock may have been set back meanwhile.
    onSome: (confirmedAt) => ({ age_seconds: Math.max(0, Math.floor((now - confirmedAt) / 1000)) }),
  }),
  stale: status.state === "stale",
})
