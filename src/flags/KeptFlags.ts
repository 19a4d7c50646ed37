import { Context, Effect, Layer, type Option } from "effect"
import type { CustomerFlags } from "./CustomerFlags.ts"
import type { Rollout } from "./Rollout.ts"

/** Everything that the flags say at one revision. */
export interface KnownFlags {
  readonly revision: number
  readonly rows: ReadonlyMap<string, CustomerFlags>
  readonly rollout: Option.Option<Rollout>
}

/**
 * The last known good flags, kept on this machine for a restart while the database is away (SPEC 11). Several
 * processes of one machine may share them.
 *
 * Never fails and never holds up: what cannot be kept is logged once and counted, and the gateway goes on without.
 */
export class KeptFlags extends Context.Service<
  KeptFlags,
  {
    /** With when the database last confirmed them, in milliseconds since the epoch. None when nothing usable is kept. */
    readonly load: Effect.Effect<Option.Option<{ readonly known: KnownFlags; readonly confirmedAt: number }>>
    /** Whole or not at all, also when the process is killed meanwhile. */
    readonly save: (known: KnownFlags, confirmedAt: number) => Effect.Effect<void>
    /** What was saved last still holds. Cheap enough to be said every second. */
    readonly confirm: (confirmedAt: number) => Effect.Effect<void>
  }
>()("gateway/flags/KeptFlags") {
  /** For a database that ends with this process. */
  static readonly layerOff = Layer.succeed(this, {
    load: Effect.succeedNone,
    save: () => Effect.void,
    confirm: () => Effect.void,
  })
}
