import { Context, Deferred, Effect, Exit, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Cohort } from "../../src/flags/Cohort.ts"
import { FeatureFlags } from "../../src/flags/FeatureFlags.ts"
import { FlagFeed } from "../../src/flags/FlagFeed.ts"
import { FlagStore, type WantedFlags } from "../../src/flags/FlagStore.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { configured } from "../auth/World.ts"
import { changeOf, wantedFlags } from "../contract/FlagStore.ts"
import { loggedIn } from "../Logged.ts"
import { MemoryFlags } from "./MemoryFlags.ts"
import { MemoryKeptFlags } from "./MemoryKeptFlags.ts"

/** What outlives an instance: the database and the disk, as other instances and its next start find them. */
export const world = Layer.merge(MemoryFlags.layer, MemoryKeptFlags.layer)
/** The same with an embedded database that nobody has asked anything. */
export const unopenedWorld = Layer.merge(MemoryFlags.layerUnopened, MemoryKeptFlags.layer)

/** Starts an instance that lives as long as the scope. */
export const start = Effect.fnUntraced(function* (options: { readonly defaultEnabled?: boolean } = {}) {
  const logged: Array<string> = []
  const instance = yield* Layer.build(
    Layer.fresh(
      FeatureFlags.layer.pipe(
        Layer.provideMerge(Lifecycle.layer),
        Layer.provide([
          configured({ FLAGS_DEFAULT_ENABLED: String(options.defaultEnabled ?? false) }),
          loggedIn(logged),
        ]),
      ),
    ),
  )
  return {
    ...Context.get(instance, FeatureFlags),
    logged,
    /** Its line of `/ready`, such as `up: The flags are current.` */
    ready: Effect.map(Context.get(instance, Lifecycle).dependencies, (lines) =>
      lines.map(({ name, status, detail }) => `${name} ${status}: ${detail}`).join(),
    ),
  }
})

/** Lets so much time pass, bit by bit: what wakes goes to sleep again in its time, as it would. */
export const pass = (seconds: number) =>
  settled.pipe(
    Effect.andThen(TestClock.adjust("100 millis")),
    Effect.repeat({ times: Math.round(seconds * 10) - 1 }),
    Effect.andThen(settled),
  )
/** Lets everything happen that waits for no time to pass. */
export const settled = Effect.repeat(Effect.yieldNow, { times: 10 })

/** As another instance writes them. */
export const write = (customerId: string, wanted: Partial<WantedFlags> = {}) =>
  FlagStore.use((store) => store.write(changeOf(customerId, { wanted: Option.some(wantedFlags(wanted)) })))
export const remove = (customerId: string) =>
  FlagStore.use((store) => store.write(changeOf(customerId, { wanted: Option.none() })))
export const record = (rollout: Rollout) => MemoryFlags.use((database) => database.record(rollout))
export const feedBecomes = (...manner: Parameters<MemoryFlags["Service"]["feedBecomes"]>) =>
  MemoryFlags.use((database) => database.feedBecomes(...manner))

/** One customer of each cohort who is in no smaller one. */
export const customers = {
  canary_5pct: "customer-2",
  canary_25pct: "customer-3",
  canary_50pct: "customer-1",
  stable_100pct: "customer-6",
} as const satisfies Record<Cohort, string>

/** A rollout that has come so far; aborted where it enrols nobody. */
export const rolloutAt = (cohort: Cohort | undefined, version = 1): Rollout => ({
  state: cohort === undefined ? "aborted" : "running",
  cohort: Option.fromUndefinedOr(cohort),
  automatic: true,
  step: version,
  stepStartedAt: 1_700_000_000_000,
  updatedAt: 1_700_000_000_000,
  updatedBy: "staff-1",
  reason: "Because.",
  version,
})

/** The feed, whose answers, once it is told to hold them, are on their way until they are delivered one by one. */
export const slowFeed = Effect.gen(function* () {
  const feed = yield* FlagFeed
  const underWay: Array<Deferred.Deferred<void>> = []
  let isHeld = false
  const delivered = Effect.suspend(() => {
    if (!isHeld) return Effect.void
    const delivery = Deferred.makeUnsafe<void>()
    underWay.push(delivery)
    return Deferred.await(delivery)
  })
  return {
    layer: Layer.succeed(FlagFeed, {
      ...feed,
      since: (revision) => Effect.tap(feed.since(revision), delivered),
    }),
    hold: Effect.sync(() => {
      isHeld = true
    }),
    underWay: () => underWay.length,
    deliver: Effect.sync(() => {
      const delivery = underWay.shift()
      if (delivery !== undefined) Deferred.doneUnsafe(delivery, Exit.void)
    }),
  }
})
