import { Clock, Effect, FiberMap, FiberSet, Option, Schedule } from "effect"
import { BreakerHints, type ForcedHint } from "./BreakerHints.ts"
import type { BreakerReports } from "./BreakerReports.ts"
import type { Forced } from "./Breakers.ts"

/** How often an operator's word is said again while the others cannot be reached. */
const again = Schedule.spaced("1 second")

/** What operators have said of the circuits, here and on other instances; the later word holds until its time is over. */
export interface OperatorWords {
  readonly forced: (dependency: string) => Option.Option<Forced>
  /** Another instance passes a word on, perhaps one that is known or old. */
  readonly hear: (word: ForcedHint) => Effect.Effect<void>
  /** It holds here at once; the others are told as soon as they can be reached. None is the release. */
  readonly say: (
    dependency: string,
    wanted: Option.Option<Omit<Forced, "since">>,
    by: string,
  ) => Effect.Effect<void>
}

/** `force` lays what is said over a circuit, or takes it off. */
export const makeOperatorWords = Effect.fnUntraced(function* (
  reports: BreakerReports,
  force: (dependency: string, forced: Option.Option<Forced>) => void,
) {
  const { publish } = yield* BreakerHints
  const clock = yield* Clock.Clock
  const run = yield* FiberSet.makeRuntime()
  const expiries = yield* FiberMap.make<string>()
  /** The last word on each dependency, also on those that nobody has asked for here. */
  const words = new Map<string, ForcedHint>()

  const forcedNow = (dependency: string) => words.get(dependency)?.forced ?? Option.none<Forced>()

  const obey = (word: ForcedHint): void => {
    words.set(word.dependency, word)
    force(word.dependency, word.forced)
  }

  const follow = Effect.fnUntraced(function* (word: ForcedHint) {
    const { dependency, forced } = word
    obey(word)
    if (Option.isNone(forced)) return yield* FiberMap.remove(expiries, dependency)
    yield* Effect.sleep(forced.value.until - clock.currentTimeMillisUnsafe()).pipe(
      Effect.andThen(() => {
        obey({ ...word, forced: Option.none() })
        return reports.expired(dependency, forced.value)
      }),
      FiberMap.run(expiries, dependency),
    )
  })

  const tell = (word: ForcedHint) => {
    const told = publish(word)
    return told.pipe(
      Effect.catch(() =>
        Effect.andThen(
          Effect.logWarning(
            `The other instances cannot be told yet what was said of the circuit of ${word.dependency}.`,
          ),
          Effect.retry(told, again),
        ),
      ),
    )
  }

  return {
    forced: forcedNow,
    hear: Effect.fnUntraced(function* (word) {
      const { dependency, at, forced } = word
      if ((words.get(dependency)?.at ?? 0) >= at) return
      const before = forcedNow(dependency)
      yield* follow(word)
      if (Option.isSome(forced)) yield* reports.forced(dependency, forced.value, "elsewhere")
      else if (Option.isSome(before)) yield* reports.released(dependency, before, Option.none())
    }),
    say: Effect.fnUntraced(function* (dependency, wanted, by) {
      // Later than every word known here, whatever the other instances' clocks say.
      const at = Math.max(clock.currentTimeMillisUnsafe(), (words.get(dependency)?.at ?? 0) + 1)
      const before = forcedNow(dependency)
      const forced = Option.map(wanted, (word) => ({ ...word, since: at }))
      const word = { kind: "forced", dependency, at, forced } as const
      yield* follow(word)
      run(tell(word))
      yield* Option.match(forced, {
        onSome: (value) => reports.forced(dependency, value, "here"),
        onNone: () => reports.released(dependency, before, Option.some(by)),
      })
    }),
  } satisfies OperatorWords
})
