import { Deferred, Effect, Scope } from "effect"

/** An answer, and whether somebody else had asked for it. */
export interface Landed<A> {
  readonly answer: A
  readonly joined: boolean
}

/** Has all who ask the same thing at the same time share one answer, or one failure. */
export interface SingleFlight<A, E> {
  /** Starts `work` unless it is under way for this key, and gives what waits for it. */
  readonly board: <R>(
    key: string,
    work: Effect.Effect<A, E, R>,
  ) => Effect.Effect<Effect.Effect<Landed<A>, E>, never, R>
}

/** The work runs in the scope, so that an asker who is interrupted does not take the others' answer away. */
export const makeSingleFlight = Effect.fnUntraced(function* <A, E>() {
  const scope = yield* Scope.Scope
  const flights = new Map<string, Deferred.Deferred<A, E>>()

  const start = <R>(key: string, work: Effect.Effect<A, E, R>) => {
    const landed = Deferred.makeUnsafe<A, E>()
    flights.set(key, landed)
    return work.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          flights.delete(key)
          Deferred.doneUnsafe(landed, exit)
        }),
      ),
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.as(Effect.map(Deferred.await(landed), (answer) => ({ answer, joined: false }))),
    )
  }

  const board: SingleFlight<A, E>["board"] = <R>(key: string, work: Effect.Effect<A, E, R>) =>
    // What is on the list is started, or those who join it would wait for ever.
    Effect.uninterruptible(
      Effect.suspend((): Effect.Effect<Effect.Effect<Landed<A>, E>, never, R> => {
        const running = flights.get(key)
        return running === undefined
          ? start(key, work)
          : Effect.succeed(Effect.map(Deferred.await(running), (answer) => ({ answer, joined: true })))
      }),
    )
  return { board }
})
