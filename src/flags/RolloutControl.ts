import { Context, Data, type Effect, type Option } from "effect"
import type { Assessment } from "./Analysis.ts"
import type { Cohort } from "./Cohort.ts"
import type { FlagsUnavailable } from "./FlagFeed.ts"
import type { Rollout } from "./Rollout.ts"

/** What was asked for does not follow from where the rollout is, or somebody else was faster. */
export class RolloutRefused extends Data.TaggedError("RolloutRefused")<{
  /** A sentence for whoever asked. */
  readonly message: string
}> {}

/** What a person says. */
export interface Word {
  readonly by: string
  readonly reason: string
}

/** The rollout as people steer it (SPEC 11). */
export class RolloutControl extends Context.Service<
  RolloutControl,
  {
    readonly current: Effect.Effect<Option.Option<Rollout>>
    /** What the analysis makes of the step so far; none while nothing is compared. */
    readonly assess: Effect.Effect<Option.Option<Assessment>>
    /**
     * Takes the next step; the first when there is no rollout, or it was aborted. `to` goes further at once. From
     * `stable_100pct` it promotes. Given, `automatic` says whether later steps follow by themselves; else that stays.
     */
    readonly advance: (
      word: Word & { readonly to: Option.Option<Cohort>; readonly automatic: Option.Option<boolean> },
    ) => Effect.Effect<Rollout, RolloutRefused | FlagsUnavailable>
    readonly pause: (word: Word) => Effect.Effect<Rollout, RolloutRefused | FlagsUnavailable>
    readonly resume: (word: Word) => Effect.Effect<Rollout, RolloutRefused | FlagsUnavailable>
    /**
     * Enrols nobody by cohort any more, whatever the state. While the database is away it holds on this instance at once
     * and is put on record as soon as that is possible (`stored: false`); the other instances learn it then.
     */
    readonly abort: (
      word: Word,
    ) => Effect.Effect<{ readonly rollout: Rollout; readonly stored: boolean }, RolloutRefused>
  }
>()("gateway/flags/RolloutControl") {}
