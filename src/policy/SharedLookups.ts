import { Clock, Effect, Metric, Option, Result } from "effect"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import { type Remembered, SharedDecisions, type SharedDecisionsUnavailable } from "./SharedDecisions.ts"

/** `SharedDecisions` for who can do without: while they are away nothing is found, and nothing is kept. */
export interface SharedLookups {
  readonly get: (key: string) => Effect.Effect<Option.Option<Remembered>>
  readonly set: (key: string, decided: Remembered, keepSeconds: number) => Effect.Effect<void>
}

/** While they are away one caller a second finds out whether they are back; no other waits for it. */
const pauseMillis = 1000

const failures = Metric.counter("gateway_policy_shared_decisions_failures_total", {
  description: "Times that the shared decisions could not be read or written",
  incremental: true,
})

/**
 * No circuit breaker: nobody needs to be told of this outage, or to force its end. A caller loses at most the port's
 * own time limit, and that once a second.
 */
export const makeSharedLookups = Effect.gen(function* () {
  const shared = yield* SharedDecisions
  const clock = yield* Clock.Clock
  let away = false
  let askAgainAt = Number.NEGATIVE_INFINITY

  const isWorthAsking = (): boolean => {
    if (!away) return true
    const now = monotonicMillis(clock)
    if (now < askAgainAt) return false
    askAgainAt = now + pauseMillis
    return true
  }

  const attempt = <A>(asked: Effect.Effect<A, SharedDecisionsUnavailable>, otherwise: A): Effect.Effect<A> =>
    Effect.suspend(() =>
      isWorthAsking()
        ? Effect.flatMap(Effect.result(asked), (answer) =>
            Result.isSuccess(answer)
              ? Effect.as(answered, answer.success)
              : Effect.as(lost(answer.failure), otherwise),
          )
        : Effect.succeed(otherwise),
    )
  const answered = Effect.suspend(() => {
    if (!away) return Effect.void
    away = false
    return Effect.logInfo("Decisions are shared between the instances again.")
  })
  const lost = Effect.fnUntraced(function* ({ cause }: SharedDecisionsUnavailable) {
    const wasAway = away
    away = true
    askAgainAt = monotonicMillis(clock) + pauseMillis
    yield* Metric.update(failures, 1)
    if (!wasAway)
      yield* Effect.logWarning("Decisions are not shared now: each instance remembers its own.", cause)
  })

  return {
    get: (key) => attempt(shared.get(key), Option.none()),
    set: (key, decided, keepSeconds) => attempt(shared.set(key, decided, keepSeconds), undefined),
  } satisfies SharedLookups
})
