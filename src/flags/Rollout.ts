import { Option } from "effect"
import { type Cohort, percentOf } from "./Cohort.ts"

/**
 * - `running`: watched, and taken further by itself if `automatic`.
 * - `paused`: stays where it is, still watched.
 * - `inconclusive`: the step has lasted long enough, but too little was seen to say how it goes; still watched.
 * - `aborted`: nobody is enrolled by cohort.
 * - `promoted`: everybody is, and nothing is compared any more.
 */
export const rolloutStates = ["running", "paused", "inconclusive", "aborted", "promoted"] as const
export type RolloutState = (typeof rolloutStates)[number]

/** The cohort rule and how it came about (SPEC 11). There is one rollout at a time. */
export interface Rollout {
  readonly state: RolloutState
  /** Who is enrolled: everybody in this cohort. None once aborted. */
  readonly cohort: Option.Option<Cohort>
  /** Whether a step that went well is followed by the next without an operator. */
  readonly automatic: boolean
  /** Grows with each change of `cohort`: what was measured belongs to one step. */
  readonly step: number
  /** When the step began; milliseconds since the epoch, by the gateway's clock. */
  readonly stepStartedAt: number
  readonly updatedAt: number
  /** A person, or `analysis`. */
  readonly updatedBy: string
  readonly reason: string
  /** Grows with every change. */
  readonly version: number
}

/** From 0 to 100. */
export const percent = ({ cohort }: Rollout): number =>
  Option.match(cohort, { onNone: () => 0, onSome: (each) => percentOf[each] })
