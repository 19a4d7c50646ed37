import { Option } from "effect"
import type { FlagsStatus } from "./FeatureFlags.ts"

/** What it takes to say how the flags stand. */
export interface Standing {
  readonly status: FlagsStatus
  /** Whether the rollout is one that is not on record yet. */
  readonly isPresumed: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `FLAGS_DEFAULT_ENABLED`. */
  readonly defaultEnabled: boolean
}

/** How the flags stand, in a sentence or two for who operates the gateway. */
export const standingOf = (standing: Standing): string => {
  const { status, now, defaultEnabled } = standing
  const { state, revision, rows, confirmedAt } = status
  if (state === "unknown") {
    const meanwhile = defaultEnabled ? "every customer goes through the gateway" : "customers are refused"
    return `The flags are unknown: the database does not answer, and none are kept here. Until it does, ${meanwhile}.`
  }
  if (Option.isNone(revision) || Option.isNone(confirmedAt)) {
    return state === "current"
      ? "There are none: no database has been started."
      : "The database does not answer. It had no flags before."
  }
  const contents = `revision ${revision.value}, ${rows === 1 ? "1 row" : `${rows} rows`}, ${rolloutOf(standing)}`
  return state === "current"
    ? `The flags are current: ${contents}.`
    : `The database does not confirm the flags. What it confirmed ${inWords(now - confirmedAt.value)} ago holds: ${contents}.`
}

const rolloutOf = ({ status: { rollout }, isPresumed }: Standing): string => {
  if (Option.isNone(rollout)) return "no rollout"
  const { state, cohort } = rollout.value
  const where = Option.match(cohort, { onNone: () => "", onSome: (name) => ` at ${name}` })
  return `rollout ${state}${where}${isPresumed ? ", which is not on record yet" : ""}`
}

const units = [
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
] as const

/** Such as `90 seconds`, `2 minutes`. */
const inWords = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  const unit = units.find(([, length]) => seconds >= 2 * length)
  if (unit !== undefined) return `${Math.floor(seconds / unit[1])} ${unit[0]}`
  return seconds === 1 ? "1 second" : `${seconds} seconds`
}
