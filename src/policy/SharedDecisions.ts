import { Context, Data, type Effect, type Option } from "effect"
import type { Decision } from "./Decision.ts"

export class SharedDecisionsUnavailable extends Data.TaggedError("SharedDecisionsUnavailable")<{
  readonly cause: unknown
}> {}

/** A decision and when it was made, in milliseconds since the epoch. */
export interface Remembered {
  readonly decision: Decision
  readonly decidedAt: number
}

/**
 * Decisions that the instances share (SPEC 6, L2). A key holds everything that a decision depends on, the policy's
 * revision included, so an entry is never wrong, only old; what is not readable as a decision is not found.
 */
export class SharedDecisions extends Context.Service<
  SharedDecisions,
  {
    readonly get: (key: string) => Effect.Effect<Option.Option<Remembered>, SharedDecisionsUnavailable>
    /** Keeps it for `keepSeconds`. */
    readonly set: (
      key: string,
      remembered: Remembered,
      keepSeconds: number,
    ) => Effect.Effect<void, SharedDecisionsUnavailable>
  }
>()("gateway/policy/SharedDecisions") {}
