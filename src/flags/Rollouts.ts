import { Context, Effect, Layer, type Option, type Schema } from "effect"
import { type FlagsUnavailable, noDatabase } from "./FlagFeed.ts"
import type { Rollout } from "./Rollout.ts"
import type { Seen, Span } from "./Samples.ts"

/** What happens to a rollout. `set` is whatever a person has changed by hand, in SQL. */
export const rolloutActions = [
  "start",
  "advance",
  "pause",
  "resume",
  "abort",
  "promote",
  "judge-inconclusive",
  "set",
] as const

/** One change of the rollout. */
export interface RolloutEvent {
  readonly action: (typeof rolloutActions)[number]
  readonly before: Option.Option<Rollout>
  readonly after: Rollout
  /** What the analysis had seen and compared when it happened; for a person's action too, as far as there was any. */
  readonly evidence: Option.Option<Schema.Json>
}

/** What one instance has seen of a step, in each span that ended at `until`. */
export interface InstanceSamples {
  readonly step: number
  /** Random, one a process. */
  readonly instance: string
  /** Milliseconds since the epoch. */
  readonly until: number
  readonly seen: Seen
}

/** The rollout on record, and what instances have seen of it (SPEC 11). */
export class Rollouts extends Context.Service<
  Rollouts,
  {
    /**
     * Puts `event.after` in the place of `event.before`, and the event on record with it. False, and nothing changed, when
     * the rollout on record is not `event.before` any more (by its version).
     */
    readonly change: (event: RolloutEvent) => Effect.Effect<boolean, FlagsUnavailable>
    /** The newest first. */
    readonly history: (limit: number) => Effect.Effect<ReadonlyArray<RolloutEvent>, FlagsUnavailable>
    /**
     * Puts what an instance has seen of the step in the place of what it had told of it before: so nothing counts twice
     * that is told again after a lost answer, and nothing is lost that could not be told for a while.
     */
    readonly tell: (samples: InstanceSamples) => Effect.Effect<void, FlagsUnavailable>
    /**
     * What all instances have seen of the step, summed. `since`: of a span only those count that ended then or later, so
     * that an instance which is gone counts for as long as what it saw is not too old.
     */
    readonly seen: (
      step: number,
      since: Readonly<Record<Span, number>>,
    ) => Effect.Effect<Seen, FlagsUnavailable>
  }
>()("gateway/flags/Rollouts") {
  /** Where no database is named. */
  static readonly layerOff = Layer.succeed(this, {
    change: () => Effect.fail(noDatabase),
    history: () => Effect.fail(noDatabase),
    tell: () => Effect.fail(noDatabase),
    seen: () => Effect.fail(noDatabase),
  })
}
