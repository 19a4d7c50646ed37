import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cohorts } from "../../src/flags/Cohort.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { customers, feedBecomes, pass, record, rolloutAt, start, world, write } from "./FlagsUnderTest.ts"

const running = rolloutAt("stable_100pct", 3)
const aborted = rolloutAt(undefined, 4)
const advanced = rolloutAt("canary_25pct", 4)
const everybody = cohorts.map((cohort) => customers[cohort])

describe("a rollout that is presumed, because the database cannot be told now", () => {
  it.effect("holds on this instance at once, for all but who has a row", () =>
    Effect.gen(function* () {
      yield* record(running)
      yield* write("somebody-else")
      const { presume, ready, routeOf, status } = yield* start()
      yield* feedBecomes("fails")
      yield* presume(aborted, running.version)
      for (const id of everybody) assert.deepInclude(routeOf(id), { to: "direct", because: "cohort" })
      assert.deepInclude(routeOf("somebody-else"), { to: "gateway", because: "row" })
      assert.deepStrictEqual(status().rollout, Option.some(aborted))
      assert.match(yield* ready, /rollout aborted, which is not on record yet\.$/)
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("goes on to hold while the one that it takes the place of is still on record", () =>
    Effect.gen(function* () {
      yield* record(running)
      const { presume, routeOf, status } = yield* start()
      yield* feedBecomes("fails")
      yield* presume(aborted, running.version)
      yield* feedBecomes("answers")
      yield* write("somebody-else")
      yield* pass(2)
      assert.deepInclude(status(), { state: "current", rows: 1, rollout: Option.some(aborted) })
      for (const id of everybody) assert.deepInclude(routeOf(id), { to: "direct" })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect.each([
    { name: "itself", recorded: aborted },
    { name: "what somebody else made of it", recorded: advanced },
  ])("ends when another is on record: $name", ({ recorded }) =>
    Effect.gen(function* () {
      yield* record(running)
      const { presume, ready, status } = yield* start()
      yield* presume(aborted, running.version)
      yield* record(recorded)
      yield* pass(1)
      assert.deepStrictEqual(status().rollout, Option.some(recorded))
      assert.notInclude(yield* ready, "not on record")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is nothing where it takes the place of what does not hold", () =>
    Effect.gen(function* () {
      const { presume, status } = yield* start()
      yield* presume(aborted, 3)
      assert.deepStrictEqual(status().rollout, Option.none())
      yield* record(advanced)
      yield* pass(1)
      yield* presume(aborted, 3)
      assert.deepStrictEqual(status().rollout, Option.some(advanced))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is followed by another that takes its place, or that of the one on record", () =>
    Effect.gen(function* () {
      yield* record(running)
      const { presume, status } = yield* start()
      yield* feedBecomes("fails")
      for (const [next, insteadOf] of [
        [aborted, 3],
        [rolloutAt("canary_5pct", 5), 4],
        [aborted, 3],
      ] as const) {
        yield* presume(next, insteadOf)
        assert.deepStrictEqual(status().rollout, Option.some(next))
      }
      yield* feedBecomes("answers")
      yield* pass(1)
      assert.deepStrictEqual(status().rollout, Option.some(aborted))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("holds after a restart, and until another is on record", () =>
    Effect.gen(function* () {
      yield* record(running)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { presume } = yield* start()
          yield* pass(2)
          yield* feedBecomes("fails")
          yield* presume(aborted, running.version)
          yield* pass(2)
        }),
      )
      const { ready, routeOf, status } = yield* start()
      for (const id of everybody) assert.deepInclude(routeOf(id), { to: "direct", because: "cohort" })
      yield* feedBecomes("answers")
      yield* write("somebody-else")
      yield* pass(2)
      assert.deepInclude(status(), { state: "current", rows: 1, rollout: Option.some(aborted) })
      assert.include(yield* ready, "not on record")
      yield* record(advanced)
      yield* pass(1)
      assert.deepStrictEqual(status().rollout, Option.some(advanced))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is not what was kept of a database that was set back to an earlier time since", () =>
    Effect.gen(function* () {
      yield* record(running)
      yield* KeptFlags.use(({ save }) =>
        save({ revision: 50, rows: new Map(), rollout: Option.some(rolloutAt("canary_5pct", 7)) }, 0),
      )
      yield* feedBecomes("fails")
      const { ready, status } = yield* start()
      yield* feedBecomes("answers")
      yield* pass(1)
      assert.deepStrictEqual(status().rollout, Option.some(running))
      assert.notInclude(yield* ready, "not on record")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is kept though the instance ends right after it", () =>
    Effect.gen(function* () {
      yield* record(running)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { presume } = yield* start()
          yield* feedBecomes("fails")
          yield* presume(aborted, running.version)
        }),
      )
      assert.deepStrictEqual((yield* start()).status().rollout, Option.some(aborted))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})
