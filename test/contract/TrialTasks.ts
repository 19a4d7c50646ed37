import { assert, it } from "@effect/vitest"
import { Clock, Effect, type Layer } from "effect"
import { randomUUID } from "node:crypto"
import { TrialTasks } from "../../src/policy/TrialTasks.ts"

/** A customer that no other test knows. */
const anyCustomer = () => `contract-${randomUUID()}`

/** The UTC day that is so many days from now. */
export const dayFromNow = (days = 0) =>
  Effect.map(Clock.currentTimeMillis, (now) => new Date(now + days * 86_400_000).toISOString().slice(0, 10))

/** The contract of `TrialTasks`, which every layer of it passes. */
export const trialTasksContract = <E>(world: Layer.Layer<TrialTasks, E>): void => {
  it.live("as many as the limit are allowed, and each says how many count", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      for (const count of [1, 2, 3]) {
        assert.deepStrictEqual(yield* take(customer, today, 3), { allowed: true, count })
      }
      for (const _ of [1, 2]) {
        assert.deepStrictEqual(yield* take(customer, today, 3), { allowed: false, count: 3 })
      }
    }).pipe(Effect.provide(world)),
  )

  it.live("of fifty that come at once exactly the limit is allowed, each with a count of its own", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      const taken = yield* Effect.all(
        Array.from({ length: 50 }, () => take(customer, today, 10)),
        { concurrency: "unbounded" },
      )
      const counts = taken.filter(({ allowed }) => allowed).map(({ count }) => count)
      assert.deepStrictEqual(
        counts.toSorted((one, other) => one - other),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      )
      assert.isTrue(taken.every(({ allowed, count }) => allowed || count === 10))
    }).pipe(Effect.provide(world)),
  )

  it.live("with the limit 0 none is allowed, and none counts", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      assert.deepStrictEqual(yield* take(customer, today, 0), { allowed: false, count: 0 })
      assert.deepStrictEqual(yield* take(customer, today, 1), { allowed: true, count: 1 })
    }).pipe(Effect.provide(world)),
  )

  it.live("a lower limit than what counts already allows none, and forgets none", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      for (const _ of [1, 2, 3]) yield* take(customer, today, 5)
      assert.deepStrictEqual(yield* take(customer, today, 2), { allowed: false, count: 3 })
      assert.deepStrictEqual(yield* take(customer, today, 4), { allowed: true, count: 4 })
    }).pipe(Effect.provide(world)),
  )

  it.live("one that is given back can be taken again, once", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      for (const _ of [1, 2]) yield* take(customer, today, 2)
      yield* giveBack(customer, today)
      assert.deepStrictEqual(yield* take(customer, today, 2), { allowed: true, count: 2 })
      assert.isFalse((yield* take(customer, today, 2)).allowed)
    }).pipe(Effect.provide(world)),
  )

  it.live("giving back more than was taken gains nothing", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      yield* giveBack(customer, today)
      yield* take(customer, today, 2)
      for (const _ of [1, 2, 3]) yield* giveBack(customer, today)
      assert.deepStrictEqual(yield* take(customer, today, 2), { allowed: true, count: 1 })
    }).pipe(Effect.provide(world)),
  )

  it.live("taking and giving back at once loses none", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const [customer, today] = [anyCustomer(), yield* dayFromNow()]
      yield* Effect.all(
        Array.from({ length: 40 }, (_, index) =>
          Effect.andThen(
            take(customer, today, 40),
            index % 2 === 0 ? giveBack(customer, today) : Effect.void,
          ),
        ),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(yield* take(customer, today, 40), { allowed: true, count: 21 })
    }).pipe(Effect.provide(world)),
  )

  it.live("customers and days count apart", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const [customer, other] = [anyCustomer(), anyCustomer()]
      const [today, tomorrow] = [yield* dayFromNow(), yield* dayFromNow(1)]
      for (const [who, day] of [
        [customer, today],
        [customer, tomorrow],
        [other, today],
      ] as const) {
        assert.deepStrictEqual(yield* take(who, day, 1), { allowed: true, count: 1 })
      }
      yield* giveBack(customer, tomorrow)
      assert.isFalse((yield* take(customer, today, 1)).allowed)
      assert.isFalse((yield* take(other, today, 1)).allowed)
      assert.isTrue((yield* take(customer, tomorrow, 1)).allowed)
    }).pipe(Effect.provide(world)),
  )

  it.live("a customer's name may have any form", () =>
    Effect.gen(function* () {
      const { giveBack, take } = yield* TrialTasks
      const [name, today] = [anyCustomer(), yield* dayFromNow()]
      for (const customer of ["}", "{}", "a}b{c", "a b", "ü", "a:b", "%7B"].map((form) => form + name)) {
        yield* take(customer, today, 1)
        yield* giveBack(customer, today)
        assert.deepStrictEqual(yield* take(customer, today, 1), { allowed: true, count: 1 })
      }
    }).pipe(Effect.provide(world)),
  )
}
