import { Clock, Effect, Schedule } from "effect"

/**
 * Looks again and again until what it sees holds, and gives that; in real time, also where a test holds the clock. The
 * test's own time limit is the only other end.
 */
export const untilSeen = <A, E, R>(look: Effect.Effect<A, E, R>, holds: (seen: A) => boolean) =>
  look.pipe(
    Effect.repeat({ until: holds, schedule: Schedule.spaced("5 millis") }),
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
  )

/** The same for what can be seen at once. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.asVoid(untilSeen(Effect.sync(holds), (held) => held))
