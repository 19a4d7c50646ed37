import { Clock, Effect, Layer, Option } from "effect"
import { BoundedMemory } from "../../src/primitives/BoundedMemory.ts"
import { type Remembered, SharedDecisions } from "../../src/policy/SharedDecisions.ts"

const capacity = 10_000

/** Shared by what runs in this process. */
export const layer = Layer.effect(
  SharedDecisions,
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const kept = new BoundedMemory<{ readonly remembered: Remembered; readonly until: number }>(capacity)
    return SharedDecisions.of({
      get: (key) =>
        Effect.sync(() => {
          const entry = kept.get(key)
          return entry !== undefined && clock.currentTimeMillisUnsafe() < entry.until
            ? Option.some(entry.remembered)
            : Option.none()
        }),
      set: (key, remembered, keepSeconds) =>
        Effect.sync(() =>
          kept.set(key, { remembered, until: clock.currentTimeMillisUnsafe() + keepSeconds * 1000 }),
        ),
    })
  }),
)
