import { Option, Result } from "effect"
import type { Assessment, Check } from "./Analysis.ts"
import { type Cohort, cohorts, percentOf } from "./Cohort.ts"
import type { Rollout } from "./Rollout.ts"
import type { Word } from "./RolloutControl.ts"
import type { RolloutEvent } from "./Rollouts.ts"

/** What the gateway makes of a rollout. */
export interface Change extends Pick<RolloutEvent, "before" | "after"> {
  readonly action: Exclude<RolloutEvent["action"], "set">
}

/** From the rollout there is, if there ever was one, at a time (milliseconds since the epoch). The failure is a sentence. */
export type Step = (current: Option.Option<Rollout>, word: Word, now: number) => Result.Result<Change, string>

/** As if one had been before the first: it enrols nobody. */
const unstarted: Rollout = {
  state: "aborted",
  cohort: Option.none(),
  automatic: false,
  step: 0,
  stepStartedAt: 0,
  updatedAt: 0,
  updatedBy: "",
  reason: "",
  version: 0,
}

const change = (
  action: Change["action"],
  current: Option.Option<Rollout>,
  wanted: Partial<Pick<Rollout, "state" | "cohort" | "automatic">>,
  word: Word,
  now: number,
): Change => {
  const from = Option.getOrElse(current, () => unstarted)
  const after = {
    ...from,
    ...wanted,
    // Of several instances' clocks, the later: no change is older than the one before it.
    updatedAt: Math.max(now, from.updatedAt),
    updatedBy: word.by,
    reason: word.reason,
    version: from.version + 1,
  }
  const isNewStep = Option.getOrNull(after.cohort) !== Option.getOrNull(from.cohort)
  return {
    action,
    before: current,
    after: isNewStep ? { ...after, step: from.step + 1, stepStartedAt: now } : after,
  }
}

/** The next cohort, or `to`; the first when there is none. From `stable_100pct`, promoted. */
export const advance =
  (to: Option.Option<Cohort>, automatic: Option.Option<boolean>): Step =>
  (current, word, now) => {
    const { state, cohort, automatic: asBefore } = Option.getOrElse(current, () => unstarted)
    const rest = { automatic: Option.getOrElse(automatic, () => asBefore) }
    if (state === "promoted")
      return Result.fail("The rollout is promoted: it goes no further. It can be aborted.")
    if (Option.isNone(cohort)) {
      const first = Option.orElse(to, () => Option.some<Cohort>("canary_5pct"))
      return Result.succeed(change("start", current, { ...rest, state: "running", cohort: first }, word, now))
    }
    const here = cohorts.indexOf(cohort.value)
    const wanted = Option.orElse(to, () => Option.fromUndefinedOr(cohorts[here + 1]))
    if (Option.isNone(wanted))
      return Result.succeed(change("promote", current, { ...rest, state: "promoted" }, word, now))
    return cohorts.indexOf(wanted.value) > here
      ? Result.succeed(change("advance", current, { ...rest, state: "running", cohort: wanted }, word, now))
      : Result.fail(
          `The rollout is at ${cohort.value} and goes further only, so not to ${wanted.value}. It can be aborted, and started anew.`,
        )
  }

export const pause: Step = (current, word, now) => {
  const state = stateOf(current)
  return state === "running" || state === "inconclusive"
    ? Result.succeed(change("pause", current, { state: "paused" }, word, now))
    : Result.fail(`${sentences[state]} There is nothing to pause.`)
}

export const resume: Step = (current, word, now) => {
  const state = stateOf(current)
  return state === "paused"
    ? Result.succeed(change("resume", current, { state: "running" }, word, now))
    : Result.fail(`${sentences[state]} Only a paused rollout is resumed.`)
}

export const abort: Step = (current, word, now) => {
  const state = stateOf(current)
  return state === "none" || state === "aborted"
    ? Result.fail(`${sentences[state]} There is nothing to abort.`)
    : Result.succeed(change("abort", current, { state: "aborted", cohort: Option.none() }, word, now))
}

const stateOf = (current: Option.Option<Rollout>) =>
  Option.match(current, { onNone: () => "none" as const, onSome: ({ state }) => state })

const sentences: Readonly<Record<ReturnType<typeof stateOf>, string>> = {
  none: "There is no rollout.",
  running: "The rollout is running.",
  paused: "The rollout is paused.",
  inconclusive: "The rollout is inconclusive.",
  aborted: "The rollout is aborted.",
  promoted: "The rollout is promoted.",
}

/** Whether what was seen of the rollout is judged. */
export const isWatched = ({ state }: Rollout): boolean =>
  state === "running" || state === "paused" || state === "inconclusive"

/** What a judgement is about, beside what was seen. */
export interface Occasion {
  readonly now: number
  /** How long a step must go well. */
  readonly stepSeconds: number
  /** Whether it is seen now as often as it must be to go on. */
  readonly isStillSeen: boolean
}

/**
 * What follows from an assessment of a rollout that is watched; none when all stays as it is.
 *
 * What is broken is aborted, in every state. Nothing else follows from what one instance alone has seen, and nothing
 * takes a rollout further but a step that has lasted, went well, and is still seen.
 */
export const followUp = (
  rollout: Rollout,
  assessment: Assessment,
  { now, stepSeconds, isStillSeen }: Occasion,
): Option.Option<Change> => {
  const current = Option.some(rollout)
  if (assessment.verdict === "broken")
    return Result.getSuccess(abort(current, word(whyBroken(assessment)), now))
  if (assessment.scope === "this-instance" || now - rollout.stepStartedAt < stepSeconds * 1000)
    return Option.none()

  const isGood = assessment.verdict === "good"
  if (rollout.state === "running" && !isGood) {
    const reason = `The step has lasted ${stepSeconds} seconds, and too little was seen of it.`
    return Option.some(change("judge-inconclusive", current, { state: "inconclusive" }, word(reason), now))
  }
  if (rollout.state === "inconclusive" && isGood) {
    const reason = "Enough was seen of the step by now, and it goes well."
    return Option.some(change("resume", current, { state: "running" }, word(reason), now))
  }
  if (rollout.state === "running" && rollout.automatic && isStillSeen) {
    const reason = `The step went well for ${stepSeconds} seconds.`
    return Result.getSuccess(advance(Option.none(), Option.none())(current, word(reason), now))
  }
  return Option.none()
}

const word = (reason: string): Word => ({ by: "analysis", reason })

const whyBroken = ({ checks }: Assessment): string =>
  checks
    .filter(({ verdict }) => verdict === "broken")
    .map(whyCheck)
    .join(" ")

const whyCheck = ({ metric, canary, control, limit }: Check): string => {
  const shown = metric === "error-ratio" ? percentage : milliseconds
  const what = metric === "error-ratio" ? "share of 5xx answers" : "p95 latency"
  const compared = control === null ? "" : `, the control's ${shown(control)}`
  return `The canary's ${what} is ${shown(canary)}${compared}, and at most ${shown(limit)} is allowed.`
}
const percentage = (ratio: number | null): string => `${((ratio ?? 0) * 100).toFixed(1)} %`
const milliseconds = (seconds: number | null): string => `${Math.round((seconds ?? 0) * 1000)} ms`

/** Where a rollout is, in words. */
export const whereOf = ({ state, cohort }: Rollout): string =>
  Option.match(cohort, {
    onNone: () => state,
    onSome: (each) => `${state} at ${each} (${percentOf[each]} % of the customers)`,
  })
