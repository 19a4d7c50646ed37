import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { customers, feedBecomes, pass, record, rolloutAt, start, world, write } from "./FlagsUnderTest.ts"

const { canary_5pct: early } = customers

describe("what is kept", () => {
  const loaded = Effect.map(
    KeptFlags.use(({ load }) => load),
    Option.getOrThrow,
  )

  it.effect("is what is known, a second after each change, with when it was confirmed last", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      yield* start()
      yield* pass(1)
      yield* write(early)
      yield* record(rolloutAt("canary_5pct"))
      yield* pass(1.5)
      const { known } = yield* loaded
      assert.strictEqual(known.revision, 2)
      assert.deepStrictEqual([...known.rows.keys()], [early])
      assert.deepStrictEqual(known.rollout, Option.some(rolloutAt("canary_5pct")))
      yield* pass(5)
      assert.isAtLeast((yield* loaded).confirmedAt, 1_006_000)
      yield* feedBecomes("fails")
      const { confirmedAt } = yield* loaded
      yield* pass(5)
      assert.isAtMost((yield* loaded).confirmedAt - confirmedAt, 1000)
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect(
    "is saved once a second at most, however many changes there are, and never changes afterwards",
    () =>
      Effect.gen(function* () {
        const saved: Array<readonly [revision: number, rows: number, now: () => number]> = []
        const kept = yield* KeptFlags
        const counted = Layer.succeed(KeptFlags, {
          ...kept,
          save: (known) =>
            Effect.sync(() => saved.push([known.revision, known.rows.size, () => known.rows.size])),
        })
        for (let n = 1; n <= 2000; n++) yield* write(`customer-${n}`)
        yield* Effect.provide(start(), counted)
        for (let n = 2001; n <= 2050; n++) {
          yield* write(`customer-${n}`)
          yield* pass(0.1)
        }
        yield* pass(2)
        assert.isAtMost(saved.length, 7)
        assert.strictEqual(saved.at(-1)?.[0], 2050)
        for (const [revision, rows, now] of saved) assert.deepStrictEqual([rows, now()], [revision, revision])
      }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is never called confirmed while it is not what is known", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const written = yield* Deferred.make<void>()
      const slow = Layer.succeed(KeptFlags, {
        load: Effect.succeedNone,
        save: ({ revision }) => {
          told.push(`save ${revision}`)
          return Deferred.await(written)
        },
        confirm: () => Effect.sync(() => told.push("confirm")),
      })
      const { routeOf } = yield* Effect.provide(start(), slow)
      yield* pass(2)
      yield* write(early)
      yield* pass(5)
      assert.strictEqual(routeOf(early)?.because, "row")
      assert.deepStrictEqual(told, ["save 0"])
      yield* Deferred.succeed(written, undefined)
      yield* pass(3)
      assert.deepStrictEqual(told.slice(0, 3), ["save 0", "save 1", "confirm"])
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.effect("is the last that was known when the instance ended", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { refresh, logged } = yield* Scope.provide(start(), scope)
      yield* pass(2)
      yield* write(early)
      yield* refresh
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* loaded).known.revision, 1)
      assert.deepStrictEqual(logged, [])
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
})
