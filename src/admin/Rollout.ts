import { Effect, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { cohorts } from "../flags/Cohort.ts"
import { FeatureFlags } from "../flags/FeatureFlags.ts"
import type { FlagsUnavailable } from "../flags/FlagFeed.ts"
import { percent, type Rollout, rolloutStates } from "../flags/Rollout.ts"
import { RolloutControl, RolloutRefused, type Word } from "../flags/RolloutControl.ts"
import { rolloutActions, type RolloutEvent, Rollouts } from "../flags/Rollouts.ts"
import type { Problem } from "../http/Problems.ts"
import { adminBase, commonProblems, Instant, instantOf, Limit, Reason } from "./AdminBase.ts"
import { conflict, flagsAway, needsDirect } from "./FlagRefusals.ts"
import { problemSchemas } from "./ProblemSchemas.ts"
import { restricted, Staff, StaffOnly } from "./Staff.ts"

const CohortName = Schema.Literals(cohorts)

/** The cohort rule as the admin API shows it. */
export const RolloutView = Schema.Struct({
  state: Schema.Literals(rolloutStates),
  /** Null once aborted: nobody is enrolled by cohort. */
  cohort: Schema.NullOr(CohortName),
  percent: Schema.Int,
  automatic: Schema.Boolean,
  step: Schema.Int,
  step_started_at: Instant,
  updated_at: Instant,
  /** A person, or `analysis`. */
  updated_by: Schema.String,
  reason: Schema.String,
  version: Schema.Int,
})

/** What the analysis makes of the step so far. Ratios from 0 to 1, latencies in seconds. */
const AssessmentView = Schema.Struct({
  verdict: Schema.Literals(["good", "broken", "insufficient"]),
  scope: Schema.Literals(["all", "this-instance"]),
  since: Instant,
  until: Instant,
  requests: Schema.Struct({ canary: Schema.Int, control: Schema.Int }),
  errors: Schema.Struct({ canary: Schema.Int, control: Schema.Int }),
  checks: Schema.Array(
    Schema.Struct({
      metric: Schema.Literals(["error-ratio", "p95-latency"]),
      canary: Schema.NullOr(Schema.Finite),
      control: Schema.NullOr(Schema.Finite),
      limit: Schema.NullOr(Schema.Finite),
      verdict: Schema.Literals(["kept", "broken", "missing"]),
    }),
  ),
})

/** How the rollout stands, for the instance that answers. */
export const RolloutStatus = Schema.Struct({
  /** Null when there never was one: then `default_enabled` holds. */
  rollout: Schema.NullOr(RolloutView),
  /** Null while nothing is compared. */
  assessment: Schema.NullOr(AssessmentView),
  /** Whom the rollout does not touch, whatever becomes of it. */
  customers_with_rows: Schema.Int,
  /** `FLAGS_DEFAULT_ENABLED`. */
  default_enabled: Schema.Boolean,
})

export const RolloutEventView = Schema.Struct({
  action: Schema.Literals(rolloutActions),
  at: Instant,
  by: Schema.String,
  reason: Schema.String,
  before: Schema.NullOr(RolloutView),
  after: RolloutView,
  /** What the analysis had seen and compared. */
  evidence: Schema.NullOr(Schema.Json),
})

const steering = {
  payload: Schema.Struct({ reason: Reason }),
  success: Schema.Struct({ rollout: RolloutView }),
  error: [...commonProblems, problemSchemas["conflict"], problemSchemas["payload-too-large"]],
} as const

/** Who is enrolled by cohort, and an operator's word over it (SPEC 11). */
export const rollout = HttpApiGroup.make("rollout")
  .add(
    HttpApiEndpoint.get("read", "/_gateway/rollout", {
      success: RolloutStatus,
      error: commonProblems,
    }).annotateMerge(
      restricted("rollout.read", "How far it is, and how the canary does against the control"),
    ),
    HttpApiEndpoint.get("history", "/_gateway/rollout/history", {
      query: { limit: Schema.optionalKey(Limit) },
      success: Schema.Struct({ events: Schema.Array(RolloutEventView) }),
      error: commonProblems,
    }).annotateMerge(
      restricted("rollout.read", "Its changes and why, the newest first, 50 unless `limit` says otherwise"),
    ),
    HttpApiEndpoint.post("advance", "/_gateway/rollout/advance", {
      ...steering,
      payload: Schema.Struct({
        reason: Reason,
        to: Schema.optionalKey(CohortName),
        automatic: Schema.optionalKey(Schema.Boolean),
      }),
    }).annotateMerge(
      restricted(
        "rollout.advance",
        "Take the next step, or start; further at once with `to`, and with `automatic` on or off from there",
      ),
    ),
    HttpApiEndpoint.post("pause", "/_gateway/rollout/pause", steering).annotateMerge(
      restricted("rollback", "Stay at this step, and go on watching it"),
    ),
    HttpApiEndpoint.post("resume", "/_gateway/rollout/resume", steering).annotateMerge(
      restricted("rollout.advance", "Go on after a pause"),
    ),
    HttpApiEndpoint.post("abort", "/_gateway/rollout/abort", {
      ...steering,
      success: Schema.Struct({
        rollout: RolloutView,
        /** False while the database is away: this instance obeys already, the others once it is back. */
        stored: Schema.Boolean,
      }),
    }).annotateMerge(
      restricted("rollback", "Enrol nobody by cohort any more; customers with a row of their own keep it"),
    ),
  )
  .middleware(StaffOnly)

/** The handlers of the group, over the ports, which put on record what becomes of the rollout. */
export const layer = HttpApiBuilder.group(
  adminBase.add(rollout),
  "rollout",
  Effect.fnUntraced(function* (handlers) {
    const { flags } = yield* GatewayConfig
    const control = yield* RolloutControl
    const { history } = yield* Rollouts
    const { status } = yield* FeatureFlags
    const hasDirect = yield* needsDirect

    const answer = Effect.map((changed: Rollout) => ({ rollout: viewOf(changed) }))

    return handlers
      .handle("read", () =>
        Effect.gen(function* () {
          const [current, assessment] = [yield* control.current, yield* control.assess]
          return {
            rollout: Option.getOrNull(Option.map(current, viewOf)),
            assessment: Option.getOrNull(
              Option.map(assessment, ({ since, until, ...seen }) => ({
                ...seen,
                since: instantOf(since),
                until: instantOf(until),
              })),
            ),
            customers_with_rows: status().rows,
            default_enabled: flags.defaultEnabled,
          }
        }),
      )
      .handle("history", ({ query: { limit = 50 } }) =>
        history(limit).pipe(
          Effect.mapError(flagsAway),
          Effect.map((events) => ({ events: events.map(eventOf) })),
          Effect.orDie,
        ),
      )
      .handle("advance", ({ payload: { reason, to, automatic } }) =>
        hasDirect.pipe(
          Effect.andThen(
            say(reason, (word) =>
              control.advance({
                ...word,
                to: Option.fromUndefinedOr(to),
                automatic: Option.fromUndefinedOr(automatic),
              }),
            ),
          ),
          answer,
          Effect.orDie,
        ),
      )
      .handle("pause", ({ payload: { reason } }) => say(reason, control.pause).pipe(answer, Effect.orDie))
      .handle("resume", ({ payload: { reason } }) => say(reason, control.resume).pipe(answer, Effect.orDie))
      .handle("abort", ({ payload: { reason } }) =>
        say(reason, control.abort).pipe(
          Effect.map(({ rollout: aborted, stored }) => ({ rollout: viewOf(aborted), stored })),
          Effect.orDie,
        ),
      )
  }),
)

/** Says it, also when the caller has gone away meanwhile. */
const say = <A>(
  reason: string,
  word: (word: Word) => Effect.Effect<A, RolloutRefused | FlagsUnavailable>,
): Effect.Effect<A, Problem, Staff> =>
  Effect.flatMap(Staff, ({ identity }) => Effect.uninterruptible(word({ by: identity.userId, reason }))).pipe(
    Effect.mapError((error) =>
      error instanceof RolloutRefused ? conflict(error.message) : flagsAway(error),
    ),
  )

/** A rollout as the admin API shows it. */
export const viewOf = (current: Rollout): typeof RolloutView.Type => ({
  state: current.state,
  cohort: Option.getOrNull(current.cohort),
  percent: percent(current),
  automatic: current.automatic,
  step: current.step,
  step_started_at: instantOf(current.stepStartedAt),
  updated_at: instantOf(current.updatedAt),
  updated_by: current.updatedBy,
  reason: current.reason,
  version: current.version,
})

const eventOf = ({ action, before, after, evidence }: RolloutEvent): typeof RolloutEventView.Type => ({
  action,
  at: instantOf(after.updatedAt),
  by: after.updatedBy,
  reason: after.reason,
  before: Option.getOrNull(Option.map(before, viewOf)),
  after: viewOf(after),
  evidence: Option.getOrNull(evidence),
})
