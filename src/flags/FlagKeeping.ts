import { Effect, Latch, Option } from "effect"
import type { FlagMemory } from "./FlagMemory.ts"
import { KeptFlags } from "./KeptFlags.ts"

/** To keep a hundred thousand rows is work; who changes them one by one must not have it done each time. */
const pause = "1 second"

/**
 * Keeps what is known on this machine, in the background and no more often than it must: the latest, and else only that
 * it still holds. What this returns says that there is something to keep.
 *
 * What is not kept yet when the scope closes is kept then.
 */
export const keepFlags = Effect.fnUntraced(function* (
  memory: FlagMemory,
  confirmedAt: () => Option.Option<number>,
) {
  const { save, confirm } = yield* KeptFlags
  const wanted = Latch.makeUnsafe(false)
  let keptEdition = memory.edition()

  const keep = Effect.gen(function* () {
    const at = confirmedAt()
    if (Option.isNone(at)) return
    if (memory.edition() === keptEdition) return yield* confirm(at.value)
    const copied = yield* memory.copy
    if (Option.isNone(copied)) return
    yield* save(copied.value.known, at.value)
    keptEdition = copied.value.edition
  })

  yield* Effect.addFinalizer(() => (memory.edition() === keptEdition ? Effect.void : keep))
  yield* wanted.await.pipe(
    Effect.andThen(Effect.suspend(() => (wanted.closeUnsafe(), keep))),
    Effect.andThen(Effect.sleep(pause)),
    Effect.forever,
    Effect.forkScoped,
  )
  return (): void => {
    wanted.openUnsafe()
  }
})
