import { Clock, Context, Effect, Layer, type Option } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { type DependencyStatus, Lifecycle } from "../http/Lifecycle.ts"
import type { Cohort } from "./Cohort.ts"
import type { Middleware } from "./CustomerFlags.ts"
import { showFlags } from "./FlagGauges.ts"
import { makeFlagMemory } from "./FlagMemory.ts"
import { standingOf } from "./FlagStanding.ts"
import { watchFlags } from "./FlagWatch.ts"
import type { Rollout } from "./Rollout.ts"

/** Which way a customer's requests go, and why (SPEC 11). */
export interface Route {
  readonly to: "gateway" | "direct"
  /** The precedence: the customer's row, else the cohort rule, else `FLAGS_DEFAULT_ENABLED`. */
  readonly because: "row" | "cohort" | "default"
  /** All of them unless a row narrows them. */
  readonly middleware: Middleware
  /** The smallest cohort that the customer is in, by the hash of the id; a row's label does not count. */
  readonly cohort: Cohort
}

/** How well the flags are known. */
export interface FlagsStatus {
  /**
   * `current`: the database confirmed them in the last seconds, or has not been started, and so has none. `unknown`:
   * nobody has told of any, and none were kept.
   */
  readonly state: "current" | "stale" | "unknown"
  readonly revision: Option.Option<number>
  readonly rows: number
  readonly rollout: Option.Option<Rollout>
  /** When the database last confirmed them; milliseconds since the epoch. */
  readonly confirmedAt: Option.Option<number>
}

/**
 * The flags as this instance knows them, in its memory (SPEC 11).
 *
 * Every change is here within a second; while the database is away, what is known goes on to hold, also over a restart
 * (`KeptFlags`). None is ever asked for during a request.
 */
export class FeatureFlags extends Context.Service<
  FeatureFlags,
  {
    /**
     * Where the customer goes. Undefined while nothing is known, nothing is kept and `FLAGS_DEFAULT_ENABLED` is false:
     * then nobody can say whether the policies may be passed by. Synchronous and cheap: every request asks.
     */
    readonly routeOf: (customerId: string) => Route | undefined
    readonly status: () => FlagsStatus
    /** Learns now what has changed, for who has just changed something. */
    readonly refresh: Effect.Effect<void>
    /**
     * Acts at once on this instance as if the rollout had become this one, because the database cannot be told now: it
     * holds until the database has another than the one it takes the place of (by its `version`). False, and nothing
     * changed, where that is not the one that is known here.
     */
    readonly presume: (rollout: Rollout, insteadOf: number) => Effect.Effect<boolean>
  }
>()("gateway/flags/FeatureFlags") {
  /**
   * Learns from `FlagFeed`, and keeps in `KeptFlags`. The start waits two seconds at most for what the flags are, and
   * for nothing where there can be none yet.
   */
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { defaultEnabled } = (yield* GatewayConfig).flags
      const { watch } = yield* Lifecycle
      const clock = yield* Clock.Clock
      const memory = makeFlagMemory(defaultEnabled)
      const describe = (status: FlagsStatus): string =>
        standingOf({
          status,
          isPresumed: memory.isPresumed(),
          now: clock.currentTimeMillisUnsafe(),
          defaultEnabled,
        })
      const { status, refresh, keepSoon } = yield* watchFlags(memory, describe)
      yield* showFlags(status)
      yield* watch(
        Effect.sync((): DependencyStatus => {
          const now = status()
          return { name: "flags", status: now.state === "current" ? "up" : "down", detail: describe(now) }
        }),
      )
      return FeatureFlags.of({
        routeOf: memory.routeOf,
        status,
        refresh,
        presume: (rollout, insteadOf) =>
          Effect.sync(() => {
            const holds = memory.presume(rollout, insteadOf)
            if (holds) keepSoon()
            return holds
          }),
      })
    }),
  )
}
