import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { type AuditEvent, AuditLog } from "../../src/audit/AuditLog.ts"
import type { Cohort } from "../../src/flags/Cohort.ts"
import { FeatureFlags } from "../../src/flags/FeatureFlags.ts"
import { FlagFeed } from "../../src/flags/FlagFeed.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { RolloutControl } from "../../src/flags/RolloutControl.ts"
import { type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import * as RolloutWatch from "../../src/flags/RolloutWatch.ts"
import { type Group, groups, RolloutSampler } from "../../src/flags/Samples.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { configured } from "../auth/World.ts"
import { loggedIn } from "../Logged.ts"
import { settled } from "./FlagsUnderTest.ts"
import { MemoryFlags } from "./MemoryFlags.ts"
import { type MemoryDisk, MemoryKeptFlags } from "./MemoryKeptFlags.ts"
import { RolloutStore } from "./MemoryRollouts.ts"

/** The database that several instances share. */
export const makeDatabase = Effect.fnUntraced(function* (
  flagsLayer: Layer.Layer<MemoryFlags | FlagFeed> = MemoryFlags.layer,
) {
  const flags = yield* Layer.build(Layer.fresh(flagsLayer))
  const { feedBecomes, isHeard, record } = Context.get(flags, MemoryFlags)
  const store = new RolloutStore(record)
  const change = (event: RolloutEvent) => Effect.orDie(store.rollouts.change(event))
  return {
    store,
    feed: Context.get(flags, FlagFeed),
    goes: Effect.suspend(() => {
      store.state = "away"
      return feedBecomes("fails")
    }),
    isHeard,
    comesBack: Effect.suspend(() => {
      store.state = "there"
      return feedBecomes("answers")
    }),
    /** The rollout becomes this by a person's hand, on another instance or in SQL. */
    becomes: (wanted: Partial<Rollout>) =>
      Effect.suspend(() => {
        const before = Option.getOrThrow(store.current)
        const after: Rollout = {
          ...before,
          updatedBy: "ada",
          reason: "By hand.",
          ...wanted,
          version: before.version + 1,
        }
        return change({ action: "set", before: Option.some(before), after, evidence: Option.none() })
      }),
    actions: () => store.events.map(({ action }) => action),
    current: () => Option.getOrThrow(store.current),
  }
})
export type TestDatabase = Effect.Success<ReturnType<typeof makeDatabase>>

/** A step lasts ten minutes, and needs 100 requests of each group. */
const settings = { ROLLOUT_STEP_SECONDS: "600" }

/** An instance, which lives as long as the scope. */
export const startInstance = Effect.fnUntraced(function* (
  { feed, store }: TestDatabase,
  {
    env = {},
    disk = { kept: undefined },
  }: { readonly env?: Readonly<Record<string, string>>; readonly disk?: MemoryDisk } = {},
) {
  const audited: Array<AuditEvent> = []
  const logged: Array<string> = []
  const built = yield* Layer.build(
    Layer.fresh(
      RolloutWatch.layer.pipe(
        Layer.provideMerge(FeatureFlags.layer),
        Layer.provide([
          configured({ ...settings, ...env }),
          Lifecycle.layer,
          Layer.succeed(FlagFeed, feed),
          Layer.succeed(KeptFlags, MemoryKeptFlags.open(disk)),
          Layer.succeed(Rollouts, store.rollouts),
          Layer.succeed(AuditLog, { record: (event) => Effect.sync(() => void audited.push(event)) }),
          loggedIn(logged),
        ]),
      ),
    ),
  )
  const { observe } = Context.get(built, RolloutSampler)
  return {
    flags: Context.get(built, FeatureFlags),
    control: Context.get(built, RolloutControl),
    observe,
    audited,
    logged,
    /** What holds here. */
    rollout: () => Option.getOrThrow(Context.get(built, FeatureFlags).status().rollout),
  }
})
export type Instance = Effect.Success<ReturnType<typeof startInstance>>

export const word = { by: "staff-1", reason: "Because." }

/** The first step of a rollout: 5 % of the customers, and by itself further unless it is said. */
export const begin = (
  { control }: Instance,
  { to, automatic = true }: { to?: Cohort; automatic?: boolean } = {},
) => control.advance({ ...word, to: Option.fromUndefinedOr(to), automatic: Option.some(automatic) })

/** Seconds from one look at the rollout to the next. */
const look = 5

/** Requests of one look, `errors` of them answered with 500. */
export interface Traffic {
  readonly requests: number
  readonly errors?: number
  readonly seconds?: number
}
export type BothTraffic = Readonly<Partial<Record<Group, Traffic>>>

/** As much as a rollout needs: 5 requests a second are the canary's. */
export const healthy: BothTraffic = { canary: { requests: 25 }, control: { requests: 475 } }

const sendTo = ({ observe }: Pick<Instance, "observe">, traffic: BothTraffic) => {
  for (const group of groups) {
    const { requests = 0, errors = 0, seconds = 0.1 } = traffic[group] ?? {}
    for (let i = 0; i < requests; i++) observe(group, i < errors ? 500 : 200, seconds)
  }
}

/** Lets time pass, look by look, each with so many requests at each instance. */
export const pass = Effect.fnUntraced(function* (
  seconds: number,
  traffic: BothTraffic = {},
  ...instances: ReadonlyArray<Instance>
) {
  yield* settled
  for (let left = seconds; left > 0; left -= look) {
    for (const instance of instances) sendTo(instance, traffic)
    yield* TestClock.adjust(`${Math.min(left, look)} seconds`)
    yield* settled
  }
})

/** Seconds until it holds, with so many requests at each instance meanwhile; undefined where it never does in an hour. */
export const secondsUntil = Effect.fnUntraced(function* (
  holds: () => boolean,
  traffic: BothTraffic,
  ...instances: ReadonlyArray<Instance>
) {
  for (let seconds = 0; seconds <= 3600; seconds += look) {
    if (holds()) return seconds
    yield* pass(look, traffic, ...instances)
  }
  return undefined
})
