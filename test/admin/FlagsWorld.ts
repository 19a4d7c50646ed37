import { Context, Effect, type Latch, Layer, Option } from "effect"
import { FeatureFlags } from "../../src/flags/FeatureFlags.ts"
import type { FlagFeed } from "../../src/flags/FlagFeed.ts"
import { FlagStore } from "../../src/flags/FlagStore.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { Rollouts } from "../../src/flags/Rollouts.ts"
import * as RolloutWatch from "../../src/flags/RolloutWatch.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { UpstreamUrls } from "../../src/http/Upstreams.ts"
import { changeOf, wantedFlags } from "../contract/FlagStore.ts"
import { MemoryFlags } from "../flags/MemoryFlags.ts"
import { RolloutStore } from "../flags/MemoryRollouts.ts"
import { flagsOver as flagsInPostgres } from "../layers/postgres/FlagsUnderTest.ts"

/** The database of the flags, in which another changes a row each time before the row is written, so many times. */
export const changedMeanwhile = (times: number) =>
  Layer.effect(
    FlagStore,
    Effect.gen(function* () {
      const store = yield* FlagStore
      let changes = 0
      return FlagStore.of({
        ...store,
        write: Effect.fnUntraced(function* (change) {
          if (changes < times) {
            const wanted = wantedFlags({ rolloutCohort: Option.some(`change ${++changes}`) })
            yield* store.write(changeOf(change.customerId, { wanted: Option.some(wanted) }))
          }
          return yield* store.write(change)
        }),
      })
    }),
  ).pipe(Layer.provideMerge(MemoryFlags.layer))

/** The database of the flags, which writes at once and answers when the latch is open. */
export const answeringLate = (answering: Latch.Latch) =>
  Layer.effect(
    FlagStore,
    Effect.map(FlagStore, (store) =>
      FlagStore.of({
        ...store,
        write: (change) => Effect.tap(store.write(change), () => answering.await),
      }),
    ),
  ).pipe(Layer.provideMerge(MemoryFlags.layer))

/** A database of the flags where nothing listens. */
export const awayFlags = flagsInPostgres("postgres://gateway@127.0.0.1:1/gateway").pipe(Layer.orDie)

/** Where the upstreams are, without a direct integration. */
export const noDirect = Layer.succeed(UpstreamUrls, {
  plant: "http://plant.test",
  sandbox: Option.none(),
  direct: Option.none(),
})

export const withDirect = Layer.succeed(UpstreamUrls, {
  plant: "http://plant.test",
  sandbox: Option.none(),
  direct: Option.some("http://direct.test"),
})

/** The rollout's database of a test. */
export class RolloutsUnderTest extends Context.Service<RolloutsUnderTest, RolloutStore>()(
  "test/admin/RolloutsUnderTest",
) {}

/** The rollout on record, of which the feed of the flags tells where that is in memory too. */
const rollouts = Layer.effectContext(
  Effect.gen(function* () {
    const flags = yield* Effect.serviceOption(MemoryFlags)
    const store = new RolloutStore()
    const { rollouts: port } = store
    const change: Rollouts["Service"]["change"] = (event) =>
      Effect.tap(port.change(event), (isStored) =>
        isStored && Option.isSome(flags) ? flags.value.record(event.after) : Effect.void,
      )
    return Context.make(Rollouts, { ...port, change }).pipe(Context.add(RolloutsUnderTest, store))
  }),
)

/** The database of the flags and of the rollout, for a whole gateway. */
export const memoryDatabase = rollouts.pipe(Layer.provideMerge(MemoryFlags.layer))

/** What the admin API asks about flags and the rollout, over that database of the flags. */
export const flagsWorld = (database: Layer.Layer<FlagStore | FlagFeed>) =>
  RolloutWatch.layer.pipe(
    Layer.provideMerge(Layer.merge(FeatureFlags.layer, rollouts)),
    Layer.provideMerge(database),
    Layer.provide([KeptFlags.layerOff, Lifecycle.layer]),
  )
