import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisTrialTasks from "../../layers/redis/TrialTasks.ts"
import { TrialTasks, TrialTasksUnavailable } from "../../src/policy/TrialTasks.ts"
import { describeLive } from "../Live.ts"
import { startRelay } from "../TcpRelay.ts"
import { dayFromNow, trialTasksContract } from "./TrialTasks.ts"

const over = (url: string) =>
  RedisTrialTasks.layer.pipe(Layer.provideMerge(IoRedis.layerUrl(Redacted.make(url))))

const anyCustomer = () => `redis-${randomUUID()}`

/** The failure of an operation, and how many milliseconds it took to come. */
const failureOf = Effect.fnUntraced(function* <A>(operation: Effect.Effect<A, TrialTasksUnavailable>) {
  const [took, failure] = yield* Effect.timed(Effect.flip(operation))
  assert.instanceOf(failure, TrialTasksUnavailable)
  return Duration.toMillis(took)
})

await describeLive("TrialTasks in Redis", "TEST_REDIS_URL", (url) => {
  trialTasksContract(over(url))

  /** One instance of the gateway: a connection of its own. */
  const instance = Effect.flatMap(Layer.build(Layer.fresh(over(url))), (context) =>
    TrialTasks.pipe(Effect.provideContext(context)),
  )

  it.live("hold for all instances together", () =>
    Effect.gen(function* () {
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      const [one, other] = [yield* instance, yield* instance]
      const taken = yield* Effect.all(
        Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? one : other).take(customer, today, 10)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        taken.filter(({ allowed }) => allowed),
        10,
      )
      yield* one.giveBack(customer, today)
      assert.isTrue((yield* other.take(customer, today, 10)).allowed)
    }),
  )

  const secondsKept = Effect.fnUntraced(function* (customer: string, day: string) {
    const client = yield* IoRedis.IoRedis
    return yield* Effect.promise(() => client.ttl(`gateway:trial-tasks:{${customer}}:${day}`))
  })

  it.effect.each([
    ["2026-06-30T00:00:00Z", "2026-06-30", 27 * 3600],
    ["2026-12-31T23:59:59.001Z", "2026-12-31", 3 * 3600 + 1],
    ["2028-02-29T12:00:00Z", "2028-02-29", 15 * 3600],
    // Taken before midnight, and counted after it.
    ["2027-01-01T00:00:01Z", "2026-12-31", 3 * 3600],
  ] as const)("at %s a counter of %s is kept for %i seconds", ([now, day, seconds]) =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const customer = anyCustomer()
      yield* take(customer, day, 2)
      yield* take(customer, day, 2)
      yield* giveBack(customer, day)
      assert.approximately(yield* secondsKept(customer, day), seconds, 1)
    }).pipe(
      Effect.provide(over(url)),
      // Set before there is a connection: its pool would wake for every minute since 1970.
      (test) => Effect.andThen(TestClock.setTime(Date.parse(now)), test),
    ),
  )

  it.live("what is given back when nothing is kept leaves nothing behind", () =>
    Effect.gen(function* () {
      const { giveBack } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      yield* giveBack(customer, today)
      const missing = -2
      assert.strictEqual(yield* secondsKept(customer, today), missing)
    }).pipe(Effect.provide(over(url))),
  )

  it.live("a counter that is no number allows nothing", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const client = yield* IoRedis.IoRedis
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      const key = `gateway:trial-tasks:{${customer}}:${today}`
      yield* Effect.promise(() => client.set(key, "many", "EX", 60))
      yield* failureOf(take(customer, today, 10))
    }).pipe(Effect.provide(over(url))),
  )

  it.live("fail in time while Redis hangs, at once while it is gone, and count on when it is back", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      yield* Effect.gen(function* () {
        const { giveBack, take } = yield* TrialTasks
        const recovered = take(customer, today, 10).pipe(
          Effect.retry(Schedule.spaced("20 millis")),
          Effect.timeout("5 seconds"),
        )
        assert.strictEqual((yield* recovered).count, 1)
        yield* relay.vanish
        assert.isBelow(yield* failureOf(take(customer, today, 10)), 200)
        assert.isBelow(yield* failureOf(giveBack(customer, today)), 200)
        yield* relay.heal
        assert.strictEqual((yield* recovered).count, 2)
        yield* relay.hang
        assert.isBelow(yield* failureOf(take(customer, today, 10)), 1500)
        yield* relay.heal
      }).pipe(Effect.provide(over(relay.url)))
    }),
  )
})

describe("TrialTasks without a Redis that was ever there", () => {
  it.live("fail at once", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const today = yield* dayFromNow()
      assert.isBelow(yield* failureOf(take("customer-1", today, 10)), 200)
      assert.isBelow(yield* failureOf(giveBack("customer-1", today)), 200)
    }).pipe(Effect.provide(over("redis://127.0.0.1:1"))),
  )
})
