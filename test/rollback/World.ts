import { Context, Data, Effect, Layer, Option } from "effect"
import * as MemoryBreakerHints from "../../layers/memory/BreakerHints.ts"
import { type AuditEvent, AuditLog } from "../../src/audit/AuditLog.ts"
import * as BreakerBoard from "../../src/rollback/BreakerBoard.ts"
import type { BreakerHints } from "../../src/rollback/BreakerHints.ts"
import { type Breaker, Breakers, type CircuitOpen } from "../../src/rollback/Breakers.ts"
import { configured } from "../auth/World.ts"
import { loggedIn } from "../Logged.ts"

/** What was put on record, in order. */
export class Recorded extends Context.Service<Recorded, Array<AuditEvent>>()("test/rollback/Recorded") {}

const recording = Layer.effectContext(
  Effect.sync(() => {
    const events: Array<AuditEvent> = []
    return Context.make(Recorded, events).pipe(
      Context.add(AuditLog, { record: (event) => Effect.sync(() => void events.push(event)) }),
    )
  }),
)

/** What was logged, in order. */
export class Logged extends Context.Service<Logged, Array<string>>()("test/rollback/Logged") {}

const logging = Layer.unwrap(
  Effect.sync(() => {
    const lines: Array<string> = []
    return Layer.merge(loggedIn(lines), Layer.succeed(Logged, lines))
  }),
)

/** The breakers of one instance, as configured. */
export const board = BreakerBoard.layer.pipe(Layer.provideMerge(recording), Layer.provideMerge(logging))

/** The breakers of the only instance: 5 failures in a row open a circuit for 30 seconds. */
export const breakers = () =>
  board.pipe(Layer.provide(configured()), Layer.provideMerge(MemoryBreakerHints.layer))

/** An instance that hears of others through those hints. */
export const instanceWith = (hints: Context.Context<BreakerHints>) =>
  Layer.build(Layer.fresh(board.pipe(Layer.provide([configured(), Layer.succeedContext(hints)]))))

/** Two instances that hear of each other. */
export const twoInstances = Effect.gen(function* () {
  const hints = yield* Layer.build(MemoryBreakerHints.layer)
  return [yield* instanceWith(hints), yield* instanceWith(hints)] as const
})

export class Failed extends Data.TaggedError("Failed")<{ readonly harmless?: boolean }> {}

export const succeed = (breaker: Breaker) => breaker.protect(Effect.void)
export const fail = (breaker: Breaker) => Effect.flip(breaker.protect(Effect.fail(new Failed({}))))
/** As many failures as open a circuit. */
export const open = (breaker: Breaker) => Effect.repeat(fail(breaker), { times: 4 })

/** Why a call was refused; none when it was made. */
export const refusal = (breaker: Breaker) =>
  Effect.match(succeed(breaker), {
    onSuccess: () => Option.none<CircuitOpen>(),
    onFailure: (refused) => Option.some(refused),
  })

/** The breaker of a dependency. */
export const breakerOf = (dependency: string) => Breakers.use((_) => _.of(dependency))
