import { Clock, Effect, Layer, Option } from "effect"
import { type BreakerHint, BreakerHints, type ForcedHint } from "../../src/rollback/BreakerHints.ts"

/** Heard in this process alone. */
export const layer = Layer.effect(
  BreakerHints,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const listeners = new Set<(hint: BreakerHint) => Effect.Effect<void>>()
    const kept = new Map<string, ForcedHint>()
    const keep = (hint: ForcedHint) => {
      const before = kept.get(hint.dependency)
      if (before === undefined || before.at < hint.at) kept.set(hint.dependency, hint)
    }
    const holds = ({ forced }: ForcedHint) =>
      Option.isSome(forced) && forced.value.until > clock.currentTimeMillisUnsafe()
    return BreakerHints.of({
      publish: (hint) =>
        Effect.suspend(() => {
          if (hint.kind === "forced") keep(hint)
          return Effect.forEach(listeners, (heard) => heard(hint), { discard: true })
        }),
      listen: Effect.fnUntraced(function* (heard) {
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners.add(heard)),
          () => Effect.sync(() => listeners.delete(heard)),
        )
        yield* Effect.forEach([...kept.values()].filter(holds), heard, { discard: true })
      }),
    })
  }),
)
