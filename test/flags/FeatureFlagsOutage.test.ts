import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { cohorts } from "../../src/flags/Cohort.ts"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { metricsOf } from "../Metrics.ts"
import {
  customers,
  feedBecomes,
  pass,
  record,
  remove,
  rolloutAt,
  settled,
  slowFeed,
  start,
  world,
  write,
} from "./FlagsUnderTest.ts"
import { MemoryFlags } from "./MemoryFlags.ts"

const { canary_5pct: early, stable_100pct: late } = customers

/** Starts an instance, has it know what there is, and ends it. */
const onceStarted = Effect.scoped(Effect.andThen(start(), pass(2)))

describe("while the database is away", () => {
  it.effect.each(["fails", "hangs"] as const)(
    "what is known goes on to hold, however long: it %s",
    (manner) =>
      Effect.gen(function* () {
        yield* write(early, { gatewayEnabled: false })
        yield* record(rolloutAt("stable_100pct"))
        const { routeOf, status } = yield* start()
        yield* feedBecomes(manner)
        yield* TestClock.adjust("10 minutes")
        yield* pass(1)
        assert.strictEqual(status().state, "stale")
        assert.deepInclude(routeOf(early), { to: "direct", because: "row" })
        assert.deepInclude(routeOf(late), { to: "gateway", because: "cohort" })
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect(
    "it is said how old the flags are, in /ready and as a metric, and logged once at either end",
    () =>
      Effect.gen(function* () {
        yield* write(early)
        const { logged, ready } = yield* start()
        yield* pass(1)
        yield* feedBecomes("fails")
        yield* TestClock.adjust("3 minutes")
        assert.strictEqual(
          yield* ready,
          "flags down: The database does not confirm the flags. What it confirmed 3 minutes ago holds: revision 1, 1 row, no rollout.",
        )
        assert.approximately(Number((yield* metricsOf("gateway_flags"))["gateway_flags_age_seconds"]), 180, 1)
        yield* feedBecomes("answers")
        yield* pass(1)
        assert.strictEqual(yield* ready, "flags up: The flags are current: revision 1, 1 row, no rollout.")
        assert.deepStrictEqual(logged, [
          "Warn: The database does not confirm the flags. What it confirmed 1 second ago holds: revision 1, 1 row, no rollout.",
          "Info: The flags are told again. The flags are current: revision 1, 1 row, no rollout.",
        ])
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("what changes meanwhile is known once it is back, heard of or not", () =>
    Effect.gen(function* () {
      const { isHeard } = yield* MemoryFlags
      yield* write(early)
      const { routeOf, status } = yield* start()
      yield* pass(1)
      yield* isHeard(false)
      yield* feedBecomes("fails")
      yield* pass(10)
      yield* remove(early)
      yield* write(late)
      yield* record(rolloutAt("canary_5pct"))
      yield* pass(10)
      assert.deepInclude(routeOf(early), { to: "gateway", because: "row" })
      assert.deepInclude(routeOf(late), { to: "direct", because: "default" })
      yield* feedBecomes("answers")
      yield* pass(0.5)
      assert.strictEqual(status().state, "current")
      assert.deepInclude(routeOf(early), { to: "gateway", because: "cohort" })
      assert.deepInclude(routeOf(late), { to: "gateway", because: "row" })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("a question that hangs is given up, and until then the flags are not called current", () =>
    Effect.gen(function* () {
      const { asked } = yield* MemoryFlags
      const { status } = yield* start()
      yield* pass(1)
      yield* feedBecomes("hangs")
      yield* pass(6)
      assert.strictEqual(status().state, "stale")
      yield* feedBecomes("answers")
      const before = asked()
      yield* pass(10)
      assert.isAbove(asked(), before)
      assert.strictEqual(status().state, "current")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("a refresh ends all the same", () =>
    Effect.gen(function* () {
      const { refresh } = yield* start()
      yield* feedBecomes("fails")
      yield* refresh
      yield* feedBecomes("hangs")
      const refreshing = yield* Effect.forkChild(refresh)
      yield* pass(31)
      assert.isDefined(refreshing.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})

describe("a start while the database is away", () => {
  it.effect.each([true, false])("goes on with what is kept, whatever the default is: %s", (defaultEnabled) =>
    Effect.gen(function* () {
      yield* write(early, { gatewayEnabled: false })
      yield* record(rolloutAt("stable_100pct"))
      yield* onceStarted
      yield* feedBecomes("fails")
      yield* TestClock.adjust("2 hours")
      const { logged, ready, routeOf, status } = yield* start({ defaultEnabled })
      assert.deepInclude(routeOf(early), { to: "direct", because: "row" })
      assert.deepInclude(routeOf(late), { to: "gateway", because: "cohort" })
      assert.deepInclude(status(), { state: "stale", revision: Option.some(2), rows: 1 })
      const said =
        "The database does not confirm the flags. What it confirmed 2 hours ago holds: revision 2, 1 row, rollout running at stable_100pct."
      assert.strictEqual(yield* ready, `flags down: ${said}`)
      assert.deepStrictEqual(logged, [`Warn: ${said}`])
      assert.approximately(Number((yield* metricsOf("gateway_flags"))["gateway_flags_age_seconds"]), 7200, 3)
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("with nothing kept, and a default of false, sends nobody anywhere", () =>
    Effect.gen(function* () {
      yield* feedBecomes("fails")
      const { logged, ready, routeOf, status } = yield* start({ defaultEnabled: false })
      for (const cohort of cohorts) assert.isUndefined(routeOf(customers[cohort]))
      assert.deepStrictEqual(status(), {
        state: "unknown",
        revision: Option.none(),
        rows: 0,
        rollout: Option.none(),
        confirmedAt: Option.none(),
      })
      const said =
        "The flags are unknown: the database does not answer, and none are kept here. Until it does, customers are refused."
      assert.strictEqual(yield* ready, `flags down: ${said}`)
      assert.deepStrictEqual(logged, [`Warn: ${said}`])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* metricsOf("gateway_flags"))["gateway_flags_age_seconds"], 60)
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("with nothing kept, and a default of true, sends everybody through everything", () =>
    Effect.gen(function* () {
      yield* feedBecomes("fails")
      const { ready, routeOf } = yield* start({ defaultEnabled: true })
      for (const cohort of cohorts)
        assert.deepStrictEqual(routeOf(customers[cohort]), {
          to: "gateway",
          because: "default",
          middleware: allMiddleware,
          cohort,
        })
      assert.strictEqual(
        yield* ready,
        "flags down: The flags are unknown: the database does not answer, and none are kept here. Until it does, every customer goes through the gateway.",
      )
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("waits two seconds for one that hangs, and not for what is kept", () =>
    Effect.gen(function* () {
      yield* write(early)
      yield* onceStarted
      yield* feedBecomes("hangs")
      const starting = yield* Effect.forkChild(start())
      yield* pass(1.9)
      assert.isUndefined(starting.pollUnsafe())
      yield* pass(0.1)
      const { routeOf } = yield* Fiber.join(starting)
      assert.strictEqual(routeOf(early)?.because, "row")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect(
    "holds by an answer that comes late, and not by what is kept, though that is read later still",
    () =>
      Effect.gen(function* () {
        const feed = yield* slowFeed
        yield* write(late)
        yield* feed.hold
        const read = yield* Deferred.make<void>()
        const slowDisk = Layer.succeed(KeptFlags, {
          ...(yield* KeptFlags),
          load: Effect.as(
            Deferred.await(read),
            Option.some({
              known: { revision: 9, rows: new Map(), rollout: Option.some(rolloutAt("stable_100pct")) },
              confirmedAt: 0,
            }),
          ),
        })
        const starting = yield* Effect.forkChild(Effect.provide(start(), Layer.merge(feed.layer, slowDisk)))
        yield* pass(3)
        yield* feed.deliver
        yield* settled
        yield* Deferred.succeed(read, undefined)
        const { logged, routeOf, status } = yield* Fiber.join(starting)
        assert.deepInclude(status(), { state: "current", revision: Option.some(1) })
        assert.deepInclude(routeOf(late), { because: "row" })
        assert.deepInclude(routeOf(early), { because: "default" })
        assert.deepStrictEqual(logged, [])
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("knows what there is once the database is back", () =>
    Effect.gen(function* () {
      yield* write(early)
      yield* onceStarted
      yield* feedBecomes("fails")
      const { routeOf, status } = yield* start()
      yield* remove(early)
      yield* write(late)
      yield* feedBecomes("answers")
      yield* settled
      assert.deepInclude(status(), { state: "current", revision: Option.some(3), rows: 1 })
      assert.deepInclude(routeOf(early), { because: "default" })
      assert.deepInclude(routeOf(late), { because: "row" })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect(
    "believes nothing of what is kept once a database answers that is another than the one it is of",
    () =>
      Effect.gen(function* () {
        const rows = new Map([[early, { customerId: early, ...row }]])
        yield* write(late)
        yield* write(late)
        yield* KeptFlags.use(({ save }) =>
          save({ revision: 1, rows, rollout: Option.some(rolloutAt("stable_100pct", 7)) }, 0),
        )
        yield* feedBecomes("fails")
        const { routeOf, status } = yield* start()
        assert.deepInclude(routeOf(early), { because: "row" })
        yield* feedBecomes("answers")
        yield* settled
        assert.deepInclude(status(), { revision: Option.some(2), rows: 1, rollout: Option.none() })
        assert.deepInclude(routeOf(early), { because: "default" })
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect.prop(
    "sends every customer where they went before",
    [
      Schema.Array(
        Schema.Struct({
          customer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
          on: Schema.Boolean,
          rbac: Schema.Boolean,
        }),
      ),
      Schema.Literals([...cohorts, "aborted", "none"]),
      Schema.Boolean,
    ],
    ([rows, rollout, defaultEnabled]) =>
      Effect.gen(function* () {
        for (const { customer, on, rbac } of rows)
          yield* write(`customer-${customer}`, {
            gatewayEnabled: on,
            middleware: { rbac, policy: !rbac, budget: true },
          })
        if (rollout !== "none") yield* record(rolloutAt(rollout === "aborted" ? undefined : rollout))
        const everybody = Array.from({ length: 60 }, (_, n) => `customer-${n}`)
        const before = yield* Effect.scoped(
          Effect.gen(function* () {
            const { routeOf } = yield* start({ defaultEnabled })
            yield* pass(2)
            yield* feedBecomes("fails")
            yield* pass(1)
            return everybody.map(routeOf)
          }),
        )
        const { routeOf } = yield* start({ defaultEnabled })
        assert.deepStrictEqual(everybody.map(routeOf), before)
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(world))),
    { arbitrary: { runs: 30 } },
  )
})

const row = {
  gatewayEnabled: true,
  middleware: allMiddleware,
  rolloutCohort: Option.none<string>(),
  updatedAt: 0,
  updatedBy: "staff-1",
  version: "1",
}
