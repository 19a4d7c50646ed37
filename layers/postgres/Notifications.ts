import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import { Effect, Fiber, Queue, Schedule, Scope } from "effect"
import { SqlError } from "effect/sql"

/** What is said on the channels of PostgreSQL's NOTIFY. */
export interface Notifications {
  /**
   * Runs `heard` soon after anything is said on the channel, until the scope closes; also once whenever something may
   * have been missed. What is said while `heard` runs is heard together, once, afterwards.
   */
  readonly listen: (channel: string, heard: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  /** Says what a trigger has said with NOTIFY, where there is no session that could hear that. */
  readonly repeat: (channel: string) => Effect.Effect<void>
}

/**
 * After a failover the old server may go on being silent on a connection that stays; so none stays longer, as in the
 * pool.
 */
const longest = "1 minute"
/** Between two tries to listen. */
const pause = Schedule.spaced("500 millis")

/**
 * Of a server. Whoever listens has a connection of their own beside the pool's, for the pool could not lend it to anybody
 * else; it is made anew whenever it breaks.
 */
export const ofServer: Effect.Effect<Notifications, never, PgClient.PgClient> = PgClient.PgClient.use(
  ({ config }) =>
    Effect.succeed({
      listen: Effect.fnUntraced(function* (channel, heard) {
        const wake = yield* waker(heard)
        const report = reportTransitions(channel)
        yield* Effect.scoped(follow(config, channel, Effect.andThen(report(true), wake), wake)).pipe(
          Effect.timeoutOption(longest),
          Effect.forever,
          // A connection that is lost may come as a defect, and must not end this for ever.
          Effect.catchDefect((defect) =>
            SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect),
          ),
          Effect.tapError(() => report(false)),
          Effect.retry(pause),
          // There is no last try that could fail.
          Effect.ignore,
          Effect.forkScoped,
        )
      }),
      repeat: () => Effect.void,
    }),
)

/** Logs when nothing is heard any more, and when something could be again. */
const reportTransitions = (channel: string) => {
  let hears = true
  return (hearing: boolean) =>
    Effect.suspend(() => {
      if (hearing === hears) return Effect.void
      hears = hearing
      return hearing
        ? Effect.logInfo(`PostgreSQL's channel ${channel} is heard again.`)
        : Effect.logWarning(
            `PostgreSQL's channel ${channel} is not heard; what is said there is found out by asking, until it is.`,
          )
    })
}

/** Has `begun` run once it hears, and `wake` whenever something is said. */
const follow = Effect.fnUntraced(function* (
  config: PgConnection.Config,
  channel: string,
  begun: Effect.Effect<void>,
  wake: Effect.Effect<void>,
) {
  // Closed after the connection, and so without a last word to a server that may hang.
  const listening = yield* Scope.fork(yield* Effect.scope)
  const connection = yield* PgConnection.make(config)
  // By a fiber that nobody waits for: interrupted, it has a last word too, which ends with the connection.
  const beginning = yield* Effect.forkDetach(Scope.provide(connection.listen(channel), listening))
  const said = yield* Effect.onInterrupt(Fiber.join(beginning), () =>
    Effect.sync(() => beginning.interruptUnsafe()),
  )
  yield* begun
  return yield* Effect.forever(Effect.andThen(Queue.takeAll(said), wake))
})

/** Of a database that only this process asks: it has one session, which cannot wait for what others say. */
export const inProcess: Effect.Effect<Notifications> = Effect.sync(() => {
  const wakers = new Map<symbol, readonly [channel: string, wake: Effect.Effect<void>]>()
  return {
    listen: Effect.fnUntraced(function* (channel, heard) {
      const wake = yield* waker(heard)
      const key = Symbol()
      yield* Effect.acquireRelease(
        Effect.sync(() => wakers.set(key, [channel, wake])),
        () => Effect.sync(() => wakers.delete(key)),
      )
    }),
    repeat: (channel) =>
      Effect.forEach(wakers.values(), ([of, wake]) => (of === channel ? wake : Effect.void), {
        discard: true,
      }),
  }
})

/** Runs the effect in a fiber of its own once it was woken, and again if it was woken meanwhile. */
const waker = Effect.fnUntraced(function* (effect: Effect.Effect<void>) {
  const wakings = yield* Queue.sliding<void>(1)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(wakings), effect)))
  return Effect.asVoid(Queue.offer(wakings, undefined))
})
