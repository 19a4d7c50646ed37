import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { cohorts } from "../../src/flags/Cohort.ts"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { metricsOf } from "../Metrics.ts"
import { until } from "../Until.ts"
import {
  customers,
  pass,
  record,
  remove,
  rolloutAt,
  settled,
  slowFeed,
  start,
  unopenedWorld,
  world,
  write,
} from "./FlagsUnderTest.ts"
import { MemoryFlags } from "./MemoryFlags.ts"

const middleware = { rbac: true, policy: false, budget: false }

describe("where a customer goes", () => {
  it.effect(
    "is what the row says, with the stages that it leaves on, whatever its cohort label and the rollout",
    () =>
      Effect.gen(function* () {
        const { canary_5pct: inside, stable_100pct: outside } = customers
        yield* record(rolloutAt("canary_5pct"))
        yield* write(inside, { gatewayEnabled: false, middleware, rolloutCohort: Option.some("canary_5pct") })
        yield* write(outside, { gatewayEnabled: true, middleware, rolloutCohort: Option.none() })
        const { routeOf } = yield* start({ defaultEnabled: true })
        assert.deepStrictEqual(
          [routeOf(inside), routeOf(outside)],
          [
            { to: "direct", because: "row", middleware, cohort: "canary_5pct" },
            { to: "gateway", because: "row", middleware, cohort: "stable_100pct" },
          ],
        )
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect.each([undefined, ...cohorts])(
    "is, without a row, the gateway with every stage exactly for who is in the rollout's cohort: %s",
    (reached) =>
      Effect.gen(function* () {
        yield* record(rolloutAt(reached))
        const { routeOf } = yield* start({ defaultEnabled: true })
        cohorts.forEach((cohort, index) =>
          assert.deepStrictEqual(routeOf(customers[cohort]), {
            to: reached !== undefined && index <= cohorts.indexOf(reached) ? "gateway" : "direct",
            because: "cohort",
            middleware: allMiddleware,
            cohort,
          }),
        )
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect.each([
    [true, "gateway"],
    [false, "direct"],
  ] as const)("is, without a row and a rollout, FLAGS_DEFAULT_ENABLED: %s is %s", ([defaultEnabled, to]) =>
    Effect.gen(function* () {
      yield* write("somebody-else", { gatewayEnabled: !defaultEnabled })
      const { routeOf } = yield* start({ defaultEnabled })
      for (const cohort of cohorts)
        assert.deepStrictEqual(routeOf(customers[cohort]), {
          to,
          because: "default",
          middleware: allMiddleware,
          cohort,
        })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})

describe("a change", () => {
  const customerId = customers.stable_100pct

  it.effect("is known as soon as the database says that there is one", () =>
    Effect.gen(function* () {
      const { routeOf, refresh } = yield* start()
      const to = Effect.map(settled, () => routeOf(customerId)?.to)
      yield* refresh
      yield* write(customerId)
      assert.strictEqual(yield* to, "gateway")
      yield* write(customerId, { gatewayEnabled: false })
      assert.strictEqual(yield* to, "direct")
      yield* record(rolloutAt("stable_100pct"))
      yield* remove(customerId)
      assert.strictEqual(yield* to, "gateway")
      assert.strictEqual(routeOf(customerId)?.because, "cohort")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is known after half a second where it is not heard of", () =>
    Effect.gen(function* () {
      const { isHeard } = yield* MemoryFlags
      const { routeOf } = yield* start()
      yield* pass(1)
      yield* isHeard(false)
      yield* write(customerId)
      yield* TestClock.adjust("499 millis")
      assert.strictEqual(routeOf(customerId)?.because, "default")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(routeOf(customerId)?.because, "row")
      yield* remove(customerId)
      yield* pass(0.5)
      assert.strictEqual(routeOf(customerId)?.because, "default")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect(
    "is known to who has made it once they have asked, also while an earlier question is under way",
    () =>
      Effect.gen(function* () {
        const feed = yield* slowFeed
        const { routeOf, refresh } = yield* Effect.provide(start(), feed.layer)
        yield* MemoryFlags.use(({ isHeard }) => isHeard(false))
        yield* refresh
        yield* feed.hold
        const earlier = yield* Effect.forkChild(refresh)
        yield* until(() => feed.underWay() === 1)
        yield* write(customerId)
        const later = yield* Effect.forkChild(refresh)
        yield* until(() => later.pollUnsafe() === undefined)
        yield* feed.deliver
        yield* Fiber.join(earlier)
        assert.strictEqual(routeOf(customerId)?.because, "default")
        yield* until(() => feed.underWay() === 1)
        assert.isUndefined(later.pollUnsafe())
        yield* feed.deliver
        yield* Fiber.join(later)
        assert.strictEqual(routeOf(customerId)?.because, "row")
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is asked for once more and not each time, by however many", () =>
    Effect.gen(function* () {
      const { asked } = yield* MemoryFlags
      const feed = yield* slowFeed
      const { refresh } = yield* Effect.provide(start(), feed.layer)
      yield* refresh
      yield* feed.hold
      const first = yield* Effect.forkChild(refresh)
      yield* until(() => feed.underWay() === 1)
      const before = asked()
      const others = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.forkChild(refresh, { startImmediately: true }),
      )
      yield* feed.deliver
      yield* Fiber.join(first)
      yield* until(() => feed.underWay() === 1)
      yield* feed.deliver
      yield* Effect.forEach(others, Fiber.join)
      assert.strictEqual(asked() - before, 1)
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("of thousands of rows at once is known whole", () =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 5000 }, (_, n) => `customer-${n}`)
      const { routeOf, refresh, status } = yield* start()
      yield* Effect.forEach(ids, (id) => write(id), { discard: true })
      yield* refresh
      assert.strictEqual(status().rows, ids.length)
      assert.isTrue(ids.every((id) => routeOf(id)?.because === "row"))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})

describe("the standing of the flags", () => {
  it.effect("is that of the database: revision, rows and rollout, in /ready and as metrics", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { ready, status } = yield* start()
      assert.strictEqual(yield* ready, "flags up: The flags are current: revision 0, 0 rows, no rollout.")
      yield* write("customer-1")
      yield* record(rolloutAt("canary_25pct"))
      yield* pass(0.5)
      assert.strictEqual(
        yield* ready,
        "flags up: The flags are current: revision 2, 1 row, rollout running at canary_25pct.",
      )
      assert.deepStrictEqual(status(), {
        state: "current",
        revision: Option.some(2),
        rows: 1,
        rollout: Option.some(rolloutAt("canary_25pct")),
        confirmedAt: Option.some(1_000_500),
      })
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* metricsOf("gateway_flags"), {
        gateway_flags_age_seconds: 0.1,
        gateway_flags_revision: 2,
        gateway_flags_rows: 1,
      })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})

describe("an embedded database that nobody has asked anything", () => {
  it.effect("is never asked for flags, and there are none", () =>
    Effect.gen(function* () {
      const { asked } = yield* MemoryFlags
      const { logged, ready, refresh, routeOf, status } = yield* start({ defaultEnabled: true })
      yield* TestClock.adjust("1 hour")
      yield* refresh
      assert.strictEqual(asked(), 0)
      assert.deepInclude(routeOf("customer-1"), { to: "gateway", because: "default" })
      assert.strictEqual(yield* ready, "flags up: There are none: no database has been started.")
      assert.strictEqual((yield* metricsOf("gateway_flags"))["gateway_flags_age_seconds"], 0)
      assert.deepInclude(status(), { state: "current", revision: Option.none(), rows: 0 })
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.scoped, Effect.provide(unopenedWorld)),
  )

  it.effect(
    "sends by FLAGS_DEFAULT_ENABLED also where it is false: there can be no row that says otherwise",
    () =>
      Effect.gen(function* () {
        const { routeOf } = yield* start({ defaultEnabled: false })
        assert.deepInclude(routeOf("customer-1"), { to: "direct", because: "default" })
      }).pipe(Effect.scoped, Effect.provide(unopenedWorld)),
  )

  it.effect("is followed from its first question on", () =>
    Effect.gen(function* () {
      const { routeOf, refresh } = yield* start()
      yield* write("customer-1")
      yield* refresh
      assert.deepInclude(routeOf("customer-1"), { to: "gateway", because: "row" })
    }).pipe(Effect.scoped, Effect.provide(unopenedWorld)),
  )
})
