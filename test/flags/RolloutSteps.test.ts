import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Option, Result, Schema } from "effect"
import type { Assessment } from "../../src/flags/Analysis.ts"
import { cohorts, percentOf } from "../../src/flags/Cohort.ts"
import { percent, type Rollout } from "../../src/flags/Rollout.ts"
import {
  abort,
  advance,
  type Change,
  followUp,
  isWatched,
  pause,
  resume,
  type Step,
} from "../../src/flags/RolloutSteps.ts"

const stepSeconds = 60
const someone = { by: "staff-1", reason: "Because." }

const Judge = Schema.TaggedStruct("Judge", {
  verdict: Schema.Literals(["good", "good", "good", "insufficient", "broken"]),
  scope: Schema.Literals(["all", "all", "this-instance"]),
  isStillSeen: Schema.Literals([true, true, false]),
})
// Judged most of the time, or hardly anything would ever go by itself.
const Said = Schema.Union([
  Schema.TaggedStruct("Advance", {
    to: Schema.Option(Schema.Literals(cohorts)),
    automatic: Schema.Option(Schema.Literals([true, true, false])),
  }),
  Schema.TaggedStruct("Pause", {}),
  Schema.TaggedStruct("Resume", {}),
  Schema.TaggedStruct("Abort", {}),
  Judge,
  Judge,
  Judge,
  Judge,
  Judge,
  Judge,
])
type Said = typeof Said.Type
const Turn = Schema.Struct({ said: Said, seconds: Schema.Literals([-5, 0, 59, 60, 3600]) })
const turns = Arbitrary.array(Arbitrary.schema(Turn), { minLength: 20, maxLength: 100 })

const assessed = ({ verdict, scope }: Pick<Assessment, "verdict" | "scope">): Assessment => ({
  verdict,
  scope,
  checks: [{ metric: "error-ratio", canary: 0.1, control: null, limit: 0.05, verdict: "broken" }],
  requests: { canary: 0, control: 0 },
  errors: { canary: 0, control: 0 },
  since: 0,
  until: 0,
})

const stepOf = (said: Exclude<Said, { readonly _tag: "Judge" }>): Step => {
  switch (said._tag) {
    case "Advance":
      return advance(said.to, said.automatic)
    case "Pause":
      return pause
    case "Resume":
      return resume
    case "Abort":
      return abort
  }
}

const changeBy = (said: Said, current: Option.Option<Rollout>, now: number): Option.Option<Change> => {
  if (said._tag !== "Judge") return Result.getSuccess(stepOf(said)(current, someone, now))
  return Option.flatMap(Option.filter(current, isWatched), (rollout) =>
    followUp(rollout, assessed(said), { now, stepSeconds, isStillSeen: said.isStillSeen }),
  )
}

/** What holds for each change of a rollout, whoever makes it. */
const check = ({ action, before, after }: Change, now: number) => {
  const from = Option.getOrUndefined(before)
  assert.strictEqual(after.version, (from?.version ?? 0) + 1)
  assert.isAtLeast(after.updatedAt, from?.updatedAt ?? 0)
  assert.strictEqual(Option.isNone(after.cohort), after.state === "aborted")
  if (after.state === "promoted") assert.strictEqual(percent(after), 100)

  const isNewStep = percent(after) !== (from === undefined ? 0 : percent(from))
  assert.strictEqual(after.step, (from?.step ?? 0) + (isNewStep ? 1 : 0))
  assert.strictEqual(after.stepStartedAt, isNewStep ? now : (from?.stepStartedAt ?? 0))
  if (action !== "abort") assert.isAtLeast(percent(after), from === undefined ? 0 : percent(from))
}

/** What the analysis may do beyond that. */
const checkFollowUp = (
  said: Extract<Said, { readonly _tag: "Judge" }>,
  { action, before, after }: Change,
) => {
  const from = Option.getOrThrow(before)
  assert.strictEqual(after.updatedBy, "analysis")
  assert.strictEqual(action === "abort", said.verdict === "broken")
  if (said.scope === "this-instance") assert.strictEqual(action, "abort")
  if (action !== "advance" && action !== "promote") return
  assert.isTrue(said.verdict === "good" && said.isStillSeen && from.automatic)
  assert.strictEqual(from.state, "running")
  assert.isAtLeast(after.updatedAt - from.stepStartedAt, stepSeconds * 1000)
  const next = cohorts.findIndex((cohort) => percentOf[cohort] === percent(from)) + 1
  assert.strictEqual(percent(after), percentOf[cohorts[next] ?? "stable_100pct"])
}

describe("a rollout", () => {
  it.effect.prop("is never what no rollout can be, whatever is said and judged", [turns], ([all]) =>
    Effect.sync(() => {
      let current = Option.none<Rollout>()
      let now = 1_767_225_600_000
      for (const { said, seconds } of all) {
        now += seconds * 1000
        const change = changeBy(said, current, now)
        if (Option.isNone(change)) continue
        assert.deepStrictEqual(change.value.before, current)
        check(change.value, now)
        if (said._tag === "Judge") checkFollowUp(said, change.value)
        current = Option.some(change.value.after)
      }
    }),
  )
})
