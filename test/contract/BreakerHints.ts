import { assert, it } from "@effect/vitest"
import { Clock, Effect, type Layer, Option } from "effect"
import { randomUUID } from "node:crypto"
import { type BreakerHint, BreakerHints, type ForcedHint } from "../../src/rollback/BreakerHints.ts"
import { until } from "../Until.ts"

/** A dependency that no other test knows. */
export const anyDependency = (): string => `contract-${randomUUID()}`

const aMinute = 60_000

/** An operator's word that holds for a minute. */
export const forcedHint = (
  dependency: string,
  at: number,
  state: "open" | "closed" = "open",
): ForcedHint => ({
  kind: "forced",
  dependency,
  at,
  forced: Option.some({ state, reason: `It is “${at}”`, by: "staff-2", since: at, until: at + aMinute }),
})
export const releaseHint = (dependency: string, at: number): ForcedHint => ({
  kind: "forced",
  dependency,
  at,
  forced: Option.none(),
})

/** Listens, and keeps what is heard of a dependency; no word that is not later than the last. */
const listenTo = Effect.fnUntraced(function* (dependency: string) {
  const { listen } = yield* BreakerHints
  const heard: Array<BreakerHint> = []
  let latest = 0
  let isSure = false
  yield* listen((hint) =>
    Effect.sync(() => {
      if (hint.dependency === `sure of ${dependency}`) isSure = true
      if (hint.dependency !== dependency || (hint.kind === "forced" && hint.at <= latest)) return
      if (hint.kind === "forced") latest = hint.at
      heard.push(hint)
    }),
  )
  return { heard, isSure: () => isSure }
})

export const listening = (dependency: string) => Effect.map(listenTo(dependency), ({ heard }) => heard)

/** The same, from when messages arrive: a subscription may take a moment. */
export const listeningSurely = Effect.fnUntraced(function* (dependency: string) {
  const { publish } = yield* BreakerHints
  const { heard, isSure } = yield* listenTo(dependency)
  yield* Effect.repeat(
    Effect.andThen(
      publish({ kind: "closed", dependency: `sure of ${dependency}` }),
      Effect.sleep("10 millis"),
    ),
    { until: isSure },
  )
  return heard
})

const publish = (hint: BreakerHint) => BreakerHints.use((hints) => hints.publish(hint))
const now = Clock.currentTimeMillis

/** The contract of `BreakerHints`, which every layer of it passes. */
export const breakerHintsContract = <E>(world: Layer.Layer<BreakerHints, E>): void => {
  it.live("everybody who listens hears what is said, whole and in order, the speaker too", () =>
    Effect.gen(function* () {
      const dependency = anyDependency()
      const listeners = [yield* listeningSurely(dependency), yield* listeningSurely(dependency)]
      const at = yield* now
      const said: ReadonlyArray<BreakerHint> = [
        { kind: "opened", dependency },
        { kind: "closed", dependency },
        forcedHint(dependency, at),
        releaseHint(dependency, at + 1),
      ]
      for (const hint of said) yield* publish(hint)
      for (const heard of listeners) {
        yield* until(() => heard.length >= said.length)
        assert.deepStrictEqual(heard, said)
      }
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.live("who begins to listen hears first what is forced already, and nothing of what is past", () =>
    Effect.gen(function* () {
      const [forced, released, over, passing] = [
        anyDependency(),
        anyDependency(),
        anyDependency(),
        anyDependency(),
      ]
      const at = yield* now
      yield* publish(forcedHint(forced, at))
      yield* publish(forcedHint(released, at))
      yield* publish(releaseHint(released, at + 1))
      yield* publish(forcedHint(over, at - aMinute))
      yield* publish({ kind: "opened", dependency: passing })
      assert.deepStrictEqual((yield* listening(forced))[0], forcedHint(forced, at))
      assert.deepStrictEqual(
        (yield* listening(released)).filter((hint) => hint.kind === "forced" && Option.isSome(hint.forced)),
        [],
      )
      assert.deepStrictEqual(yield* listening(over), [])
      assert.deepStrictEqual(yield* listening(passing), [])
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.live("of what is forced the later word is kept, though it came first", () =>
    Effect.gen(function* () {
      const dependency = anyDependency()
      const at = yield* now
      yield* publish(forcedHint(dependency, at, "closed"))
      yield* publish(forcedHint(dependency, at + 2, "open"))
      yield* publish(forcedHint(dependency, at + 1, "closed"))
      yield* publish(releaseHint(dependency, at + 1))
      assert.deepStrictEqual((yield* listening(dependency))[0], forcedHint(dependency, at + 2, "open"))
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.live("who has stopped listening hears nothing", () =>
    Effect.gen(function* () {
      const dependency = anyDependency()
      const gone = yield* Effect.scoped(listeningSurely(dependency))
      const there = yield* listeningSurely(dependency)
      yield* publish({ kind: "opened", dependency })
      yield* until(() => there.length > 0)
      assert.deepStrictEqual(gone, [])
    }).pipe(Effect.scoped, Effect.provide(world)),
  )
}
