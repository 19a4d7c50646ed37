import { Context, Data, type Effect, type Option, type Scope } from "effect"
import type { Forced } from "./Breakers.ts"

export class BreakerHintsUnavailable extends Data.TaggedError("BreakerHintsUnavailable")<{
  readonly cause: unknown
}> {}

/** What one instance tells the others. */
export type BreakerHint = { readonly kind: "opened" | "closed"; readonly dependency: string } | ForcedHint

/** What an operator said last; the later word holds, in whatever order two arrive. */
export interface ForcedHint {
  readonly kind: "forced"
  readonly dependency: string
  /** When it was said, in milliseconds since the epoch: `since` of what is forced. */
  readonly at: number
  /** None is the release. */
  readonly forced: Option.Option<Forced>
}

/**
 * How instances hear of each other's breakers. A hint may be lost, and none is needed for an instance to be right
 * about what it sees itself; what an operator forced is also kept, so that nobody misses it.
 */
export class BreakerHints extends Context.Service<
  BreakerHints,
  {
    /** To every other instance, and to this one. A `forced` one is kept until it ends, unless a later one is. */
    readonly publish: (hint: BreakerHint) => Effect.Effect<void, BreakerHintsUnavailable>
    /**
     * Calls `heard` for every hint from now on, over every loss of the connection; first for what is forced already.
     * A `forced` one may be heard more than once.
     */
    readonly listen: (
      heard: (hint: BreakerHint) => Effect.Effect<void>,
    ) => Effect.Effect<void, never, Scope.Scope>
  }
>()("gateway/rollback/BreakerHints") {}
