import { Context, Data, Effect, Layer, type Option, type Scope } from "effect"
import type { CustomerFlags } from "./CustomerFlags.ts"
import type { Rollout } from "./Rollout.ts"

export class FlagsUnavailable extends Data.TaggedError("FlagsUnavailable")<{ readonly cause: unknown }> {}

/** What has become of the flags. */
export interface FlagChanges {
  /** Grows with every change of a row or of the rollout, in the order in which they were committed. */
  readonly revision: number
  /** Whether `rows` are all there are; else those that changed since the revision that was asked from. */
  readonly isWhole: boolean
  readonly rows: ReadonlyArray<CustomerFlags>
  /** Ids of customers whose row is gone; empty when whole. */
  readonly removed: ReadonlyArray<string>
  /**
   * The latest rollout; none when there never was one. `unknown` while its table is taken down: then what was known of it
   * goes on to hold.
   */
  readonly rollout: Option.Option<Rollout> | "unknown"
}

/** Where every instance learns what the flags are (SPEC 11). */
export class FlagFeed extends Context.Service<
  FlagFeed,
  {
    /**
     * What changed since the revision; all there is when none is given, or when what changed since is not known any
     * more. It is consistent: everything that `revision` stands for is in it, and nothing else.
     */
    readonly since: (revision: Option.Option<number>) => Effect.Effect<FlagChanges, FlagsUnavailable>
    /**
     * Runs `heard` soon after any change, whoever made it, until the scope closes; also once whenever changes may have
     * been missed. Never fails: what keeps it from hearing is mended behind it, and who listens asks now and then anyway.
     */
    readonly listen: (heard: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Waits until there can be any flags at all: at once but for the embedded database, which starts with the first
     * question and is empty before.
     */
    readonly opened: Effect.Effect<void>
  }
>()("gateway/flags/FlagFeed") {
  /** Where no database is named: there are never any flags. */
  static readonly layerOff = Layer.succeed(this, {
    since: () => Effect.fail(noDatabase),
    listen: () => Effect.void,
    opened: Effect.never,
  })
}

/** Why flags cannot be asked for where no database is named. */
export const noDatabase = new FlagsUnavailable({ cause: "No database is named." })
