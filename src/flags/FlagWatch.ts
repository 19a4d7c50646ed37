import { Cause, Clock, Deferred, Effect, Exit, Latch, Option } from "effect"
import type { FlagsStatus } from "./FeatureFlags.ts"
import { FlagFeed, FlagsUnavailable } from "./FlagFeed.ts"
import { keepFlags } from "./FlagKeeping.ts"
import type { FlagMemory } from "./FlagMemory.ts"
import { KeptFlags } from "./KeptFlags.ts"

const pollEvery = "500 millis"
/** How long the start waits for the first answer, so that nobody is sent the wrong way by an instance that is new. */
const startPatience = "2 seconds"
/** An answer that takes longer does not come: the feed has its own bounds, and they are narrower. */
const patience = "15 seconds"
/** For so long what the database has said counts as current while the next answer is under way. */
const currentMillis = 5000

/**
 * Has the memory know what the flags are, from now until the scope closes: what the feed says; while it does not answer,
 * what it said last, for ever; and at a start without it, what was kept.
 *
 * Nothing that the feed or the disk does ends it.
 *
 * @param describe - what holds, in a sentence for the log
 */
export const watchFlags = Effect.fnUntraced(function* (
  memory: FlagMemory,
  describe: (status: FlagsStatus) => string,
) {
  const feed = yield* FlagFeed
  const { load } = yield* KeptFlags
  const clock = yield* Clock.Clock

  let confirmedAt = Option.none<number>()
  /** Why the last question had no answer. */
  let away: Cause.Cause<FlagsUnavailable> | undefined
  const isCurrent = () =>
    away === undefined &&
    !Option.exists(confirmedAt, (at) => clock.currentTimeMillisUnsafe() - at > currentMillis)
  const status = (): FlagsStatus => ({
    state: !memory.isKnown() ? "unknown" : isCurrent() ? "current" : "stale",
    revision: memory.revision(),
    rows: memory.rows(),
    rollout: memory.rollout(),
    confirmedAt,
  })
  const keepSoon = yield* keepFlags(memory, () => confirmedAt)

  /** What is kept may be of another database, so the first question is for everything. */
  let learnt = Option.none<number>()
  const ask = Effect.suspend(() => {
    // An answer says how things are at some time after the question.
    const askedAt = clock.currentTimeMillisUnsafe()
    return feed.since(learnt).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(noAnswer()) }),
      Effect.tap(memory.learn),
      Effect.map(({ revision }) => {
        learnt = Option.some(revision)
        confirmedAt = Option.some(askedAt)
        keepSoon()
      }),
    )
  })

  /** Nothing is said before the start knows what it uses. */
  let isStarted = false
  let isAwaySaid = false
  const say = Effect.suspend(() => {
    if (!isStarted || isAwaySaid === (away !== undefined)) return Effect.void
    isAwaySaid = away !== undefined
    return away === undefined
      ? Effect.logInfo(`The flags are told again. ${describe(status())}`)
      : Effect.logWarning(describe(status()), away)
  })

  /** Who waits for the next round to end; it has not begun. */
  let waiting: Deferred.Deferred<void> | undefined
  const wake = Latch.makeUnsafe(true)
  const round = Effect.gen(function* () {
    wake.closeUnsafe()
    const served = waiting
    waiting = undefined
    const answer = yield* Effect.exit(ask)
    // Fails to what is known; `gateway_flags_age_seconds` shows it.
    away = Exit.isFailure(answer) ? answer.cause : undefined
    yield* say
    if (served !== undefined) Deferred.doneUnsafe(served, Exit.void)
  })
  const nextRound = Effect.andThen(Effect.timeoutOption(wake.await, pollEvery), round)
  yield* Effect.forkScoped(Effect.andThen(feed.opened, Effect.forever(nextRound)))
  yield* Effect.forkScoped(Effect.andThen(feed.opened, feed.listen(Effect.sync(() => wake.openUnsafe()))))

  /** Whether there can be any flags; finding out never makes it so. */
  const isOpen = Effect.raceFirst(Effect.as(feed.opened, true), Effect.as(Effect.yieldNow, false))
  /** Ends when a question that is asked after this has an answer, or none. */
  const refresh = Effect.flatMap(isOpen, (open) => {
    if (!open) return Effect.void
    // Held here, for the round may begin within the next line.
    const served = (waiting ??= Deferred.makeUnsafe<void>())
    wake.openUnsafe()
    return Deferred.await(served)
  })

  const recallKept = Effect.gen(function* () {
    away ??= Cause.fail(noAnswer())
    const kept = yield* load
    // The answer may have come meanwhile.
    if (Option.isSome(kept) && (yield* memory.recall(kept.value.known)))
      confirmedAt = Option.some(kept.value.confirmedAt)
  })
  if (yield* isOpen) {
    yield* Effect.timeoutOption(refresh, startPatience)
    if (!memory.isKnown()) yield* recallKept
  } else memory.beEmpty()
  isStarted = true
  yield* say

  return { status, refresh, keepSoon }
})

const noAnswer = () => new FlagsUnavailable({ cause: "There was no answer in time." })
