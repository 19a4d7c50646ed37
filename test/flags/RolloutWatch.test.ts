import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric, Option } from "effect"
import { metricsOf } from "../Metrics.ts"
import { MemoryFlags } from "./MemoryFlags.ts"
import {
  begin,
  type BothTraffic,
  healthy,
  makeDatabase,
  pass,
  secondsUntil,
  startInstance,
  word,
} from "./RolloutWorld.ts"

const failing: BothTraffic = { canary: { requests: 25, errors: 5 }, control: { requests: 475 } }
const slow: BothTraffic = { canary: { requests: 25, seconds: 0.2 }, control: { requests: 475 } }

/** A rollout at one instance. */
const rolledOut = Effect.fnUntraced(function* (options: Parameters<typeof begin>[1] = {}) {
  const database = yield* makeDatabase()
  const instance = yield* startInstance(database)
  yield* begin(instance, options)
  return { database, instance }
})

describe("a rollout that goes well", () => {
  it.effect("goes by itself from 5 to 25, 50 and 100 % and is promoted, each after a step's time", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      const took: Array<number | undefined> = []
      for (const cohort of ["canary_25pct", "canary_50pct", "stable_100pct"]) {
        took.push(
          yield* secondsUntil(() => Option.contains(instance.rollout().cohort, cohort), healthy, instance),
        )
      }
      // Nobody is left to compare with.
      const everybody = { canary: { requests: 500, errors: 10 } }
      took.push(yield* secondsUntil(() => instance.rollout().state === "promoted", everybody, instance))
      for (const seconds of took) assert.approximately(seconds ?? 0, 605, 5)
      assert.deepStrictEqual(database.actions(), ["start", "advance", "advance", "advance", "promote"])
      assert.deepStrictEqual(
        database.store.events.slice(1).map(({ after }) => after.updatedBy),
        ["analysis", "analysis", "analysis", "analysis"],
      )
      assert.deepStrictEqual(
        database.store.events.map(({ after }) => after.step),
        [1, 2, 3, 4, 4],
      )
      yield* pass(3600, { canary: { requests: 500, errors: 500 } }, instance)
      assert.strictEqual(instance.rollout().state, "promoted")
    }),
  )

  it.effect("stays where it is when it is not automatic, or paused", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut({ automatic: false })
      yield* pass(1800, healthy, instance)
      assert.deepStrictEqual(database.actions(), ["start"])
      yield* instance.control.advance({ ...word, to: Option.none(), automatic: Option.some(true) })
      yield* instance.control.pause(word)
      yield* pass(1800, healthy, instance)
      assert.deepStrictEqual(database.actions(), ["start", "advance", "pause"])
      yield* instance.control.resume(word)
      yield* pass(10, healthy, instance)
      assert.deepStrictEqual(database.actions().slice(3), ["resume", "advance"])
    }),
  )

  it.effect("is seen by all instances together: half of the sample at each is enough", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const instances = [yield* startInstance(database), yield* startInstance(database)] as const
      yield* begin(instances[0])
      yield* pass(10, {}, ...instances)
      yield* pass(5, { canary: { requests: 60 }, control: { requests: 60 } }, ...instances)
      yield* pass(600, {}, ...instances)
      assert.deepStrictEqual(database.actions(), ["start", "advance"])
    }),
  )
})

describe("a canary that turns bad", () => {
  it.effect("after a good hour is aborted within a minute, with what was seen as evidence", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut({ automatic: false })
      yield* pass(3600, healthy, instance)
      const seconds = yield* secondsUntil(() => instance.rollout().state === "aborted", failing, instance)
      assert.isAtMost(seconds ?? Infinity, 60)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
      const [, event] = database.store.events
      assert.deepInclude(event?.after, { updatedBy: "analysis", cohort: Option.none(), step: 2 })
      assert.match(
        event?.after.reason ?? "",
        /^The canary's share of 5xx answers is \d+\.\d %, the control's 0\.0 %, and at most 2\.0 % is allowed\.$/,
      )
      assert.deepInclude(Option.getOrThrow(event?.evidence ?? Option.none()), {
        verdict: "broken",
        scope: "all",
      })
      assert.deepInclude(instance.flags.routeOf("anybody"), { to: "direct", because: "cohort" })
    }),
  )

  it.effect("by getting slow is aborted too", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* pass(300, healthy, instance)
      const seconds = yield* secondsUntil(() => instance.rollout().state === "aborted", slow, instance)
      assert.isAtMost(seconds ?? Infinity, 60)
      assert.match(
        database.current().reason,
        /^The canary's p95 latency is 2\d\d ms, the control's 1\d\d ms, and at most 15\d ms is allowed\.$/,
      )
    }),
  )

  it.effect.each(["paused", "inconclusive", "running"] as const)(
    "is aborted while the rollout is %s",
    (state) =>
      Effect.gen(function* () {
        const { database, instance } = yield* rolledOut()
        yield* database.becomes({ state })
        const seconds = yield* secondsUntil(() => instance.rollout().state === "aborted", failing, instance)
        assert.isAtMost(seconds ?? Infinity, 60)
      }),
  )

  it.effect("is aborted at 100 % by the ceiling, for nobody is left to compare with", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut({ to: "stable_100pct", automatic: false })
      yield* pass(600, { canary: { requests: 500, errors: 20 } }, instance)
      assert.deepStrictEqual(database.actions(), ["start"])
      const everybody = { canary: { requests: 500, errors: 100 } }
      const seconds = yield* secondsUntil(() => instance.rollout().state === "aborted", everybody, instance)
      assert.isAtMost(seconds ?? Infinity, 60)
      assert.match(
        database.current().reason,
        /^The canary's share of 5xx answers is \d+\.\d %, and at most 5\.0 % is/,
      )
    }),
  )

  it.effect("does not count for the rollout that is started after the abort", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* secondsUntil(() => instance.rollout().state === "aborted", failing, instance)
      yield* begin(instance)
      yield* pass(600, healthy, instance)
      assert.deepStrictEqual(database.actions(), ["start", "abort", "start", "advance"])
    }),
  )

  it.effect("is not to blame where the control fails as much, and goes no further either", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      const both = { canary: { requests: 25, errors: 5 }, control: { requests: 475, errors: 95 } }
      yield* pass(1800, both, instance)
      assert.deepStrictEqual(database.actions(), ["start", "judge-inconclusive"])
    }),
  )
})

describe("a rollout of which too little is seen", () => {
  it.effect("is neither aborted nor taken further for twenty requests, though all of them fail", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* pass(5, { canary: { requests: 20, errors: 20 }, control: { requests: 2000 } }, instance)
      yield* pass(3600, { control: { requests: 475 } }, instance)
      assert.deepStrictEqual(database.actions(), ["start", "judge-inconclusive"])
    }),
  )

  it.effect("is inconclusive after a step's time, and goes on when enough is seen", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* pass(590, {}, instance)
      assert.strictEqual(instance.rollout().state, "running")
      yield* pass(20, {}, instance)
      assert.strictEqual(instance.rollout().state, "inconclusive")
      yield* pass(1800, {}, instance)
      assert.deepStrictEqual(database.actions(), ["start", "judge-inconclusive"])
      const seconds = yield* secondsUntil(
        () => Option.contains(instance.rollout().cohort, "canary_25pct"),
        healthy,
        instance,
      )
      assert.isAtMost(seconds ?? Infinity, 60)
      assert.deepStrictEqual(database.actions().slice(2), ["resume", "advance"])
    }),
  )

  it.effect("goes no further without a control, while there are customers to be one", () =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* pass(1200, { canary: { requests: 25 } }, instance)
      assert.deepStrictEqual(database.actions(), ["start", "judge-inconclusive"])
    }),
  )

  it.effect("goes no further for what was seen long ago and is not seen any more", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const instance = yield* startInstance(database, { env: { ROLLOUT_STEP_SECONDS: "3600" } })
      yield* begin(instance)
      yield* pass(600, healthy, instance)
      yield* pass(3060, { control: { requests: 475 } }, instance)
      assert.deepStrictEqual(database.actions(), ["start"])
      yield* pass(30, healthy, instance)
      assert.deepStrictEqual(database.actions(), ["start", "advance"])
    }),
  )
})

describe("instances", () => {
  it.effect("of one rollout put each change on record once, and whoever does not learns it", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const instances = [
        yield* startInstance(database),
        yield* startInstance(database),
        yield* startInstance(database),
      ] as const
      yield* begin(instances[0])
      yield* pass(610, healthy, ...instances)
      yield* secondsUntil(
        () => instances.every(({ rollout }) => rollout().state === "aborted"),
        failing,
        ...instances,
      )
      assert.deepStrictEqual(database.actions(), ["start", "advance", "abort"])
      const audited = instances.flatMap((instance) => instance.audited.map(({ name }) => name))
      assert.deepStrictEqual(audited.toSorted(), ["rollout_aborted", "rollout_advanced", "rollout_started"])
    }),
  )

  it.effect("that are started anew within a step go on from what the others before them have seen", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* startInstance(database)
          yield* begin(first)
          yield* pass(5, {}, first)
          yield* pass(300, healthy, first)
        }),
      )
      const second = yield* startInstance(database)
      yield* pass(300, {}, second)
      assert.deepStrictEqual(database.actions(), ["start", "advance"])
      const { evidence } = database.store.events[1] ?? assert.fail("it has not advanced")
      assert.deepInclude(Option.getOrThrow(evidence), { requests: { canary: 1500, control: 28_500 } })
    }),
  )

  it.effect("count what they see, and show where the rollout is", () =>
    Effect.gen(function* () {
      const { instance } = yield* rolledOut()
      yield* pass(5, {}, instance)
      yield* pass(5, { canary: { requests: 20, errors: 2 }, control: { requests: 3 } }, instance)
      instance.observe("control", 503, 1)
      assert.deepStrictEqual(yield* metricsOf("gateway_rollout"), {
        gateway_rollout_state: 1,
        gateway_rollout_percent: 5,
        "gateway_rollout_requests_total canary": 20,
        "gateway_rollout_requests_total control": 4,
        "gateway_rollout_errors_total canary": 2,
        "gateway_rollout_errors_total control": 1,
        "gateway_rollout_judgements_total insufficient all": 2,
      })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
  )
})

describe("without a rollout", () => {
  it.effect("nobody is asked anything, whatever is observed", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase(MemoryFlags.layerUnopened)
      const instance = yield* startInstance(database)
      yield* pass(600, failing, instance)
      assert.strictEqual(database.store.asked, 0)
      assert.deepStrictEqual(yield* instance.control.current, Option.none())
      assert.deepStrictEqual(yield* instance.control.assess, Option.none())
      assert.strictEqual(database.store.asked, 0)
    }),
  )

  it.effect.each(["aborted", "promoted"] as const)("that is watched, because it is %s, neither", (state) =>
    Effect.gen(function* () {
      const { database, instance } = yield* rolledOut()
      yield* database.becomes(
        state === "aborted"
          ? { state, cohort: Option.none() }
          : { state, cohort: Option.some("stable_100pct") },
      )
      yield* pass(10, failing, instance)
      const { asked } = database.store
      yield* pass(600, failing, instance)
      assert.strictEqual(database.store.asked, asked)
      assert.deepStrictEqual(yield* instance.control.assess, Option.none())
    }),
  )
})
