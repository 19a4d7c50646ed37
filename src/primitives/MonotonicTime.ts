import type { Clock } from "effect"

/** Milliseconds that only grow: measured with the wall clock, setting it back would keep old answers alive. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
