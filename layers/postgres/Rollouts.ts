import { Effect, Layer, Option, type Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Cohort } from "../../src/flags/Cohort.ts"
import { FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import {
  type BothGroups,
  bySpan,
  type Group,
  groups,
  type GroupSamples,
  nothingSeen,
  type Span,
  total,
} from "../../src/flags/Samples.ts"
import { Database } from "./Database.ts"
import { flagChannel } from "./FlagFeed.ts"

/** A row of `gateway_rollout` as JSON; the table's checks hold the types that are unions. */
interface RolloutJson {
  readonly state: Rollout["state"]
  readonly cohort: Cohort | null
  readonly automatic: boolean
  readonly step: number
  readonly step_started_at: string
  readonly updated_at: string
  readonly updated_by: string
  readonly reason: string
  readonly version: number
}

interface HistoryRow {
  readonly action: RolloutEvent["action"]
  readonly before: RolloutJson | null
  readonly after: RolloutJson
  readonly evidence: Schema.Json | null
}

interface SamplesRow {
  readonly span: Span
  readonly group: Group
  readonly requests: number
  readonly errors: number
  readonly latencies: Readonly<Record<string, number>>
}

/** The rollout in PostgreSQL, whose triggers keep the history and tell the instances. One statement a method. */
export const layer = Layer.effect(
  Rollouts,
  Effect.gen(function* () {
    const { sql, ask, notifications } = yield* Database
    const rowsOf = <A>(statement: Effect.Effect<ReadonlyArray<A>, SqlError.SqlError>) =>
      Effect.mapError(ask(statement), (cause) => new FlagsUnavailable({ cause }))

    const insert = ({ action, after, evidence }: RolloutEvent) => sql`
      INSERT INTO gateway_rollout (state, cohort, automatic, step, step_started_at, updated_at, updated_by, reason,
        version, action, evidence)
      VALUES (${after.state}, ${Option.getOrNull(after.cohort)}, ${after.automatic}, ${after.step},
        ${new Date(after.stepStartedAt)}, ${new Date(after.updatedAt)}, ${withoutNul(after.updatedBy)},
        ${withoutNul(after.reason)}, ${after.version}, ${action}, ${jsonOf(evidence)}::text::jsonb)
      ON CONFLICT DO NOTHING
      RETURNING version`

    const update = (version: number, { action, after, evidence }: RolloutEvent) => sql`
      UPDATE gateway_rollout SET state = ${after.state}, cohort = ${Option.getOrNull(after.cohort)},
        automatic = ${after.automatic}, step = ${after.step}, step_started_at = ${new Date(after.stepStartedAt)},
        updated_at = ${new Date(after.updatedAt)}, updated_by = ${withoutNul(after.updatedBy)},
        reason = ${withoutNul(after.reason)}, version = ${after.version}, action = ${action},
        evidence = ${jsonOf(evidence)}::text::jsonb
      WHERE version = ${version}
      RETURNING version`

    return Rollouts.of({
      change: Effect.fnUntraced(function* (event) {
        const changed = yield* rowsOf(
          Option.match(event.before, {
            onNone: () => insert(event),
            onSome: ({ version }) => update(version, event),
          }),
        )
        if (changed.length === 0) return false
        yield* notifications.repeat(flagChannel)
        return true
      }),

      history: (limit) =>
        Effect.map(
          rowsOf(
            sql<HistoryRow>`
              SELECT action, before, after, evidence FROM gateway_rollout_history ORDER BY id DESC LIMIT ${limit}`,
          ),
          (rows) => rows.map(eventOf),
        ),

      tell: ({ step, instance, until, seen }) => {
        const rows = Object.entries(seen).flatMap(([span, both]) =>
          groups.map((group) => ({
            span,
            group,
            ...both[group],
            latencies: Object.fromEntries(both[group].latencies),
          })),
        )
        return Effect.asVoid(
          rowsOf(sql`
            INSERT INTO gateway_rollout_samples (step, instance, span, "group", until, requests, errors, latencies)
            SELECT ${step}, ${instance}, span, "group", ${new Date(until)}, requests, errors, latencies
            FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
              AS told (span text, "group" text, requests bigint, errors bigint, latencies jsonb)
            ON CONFLICT (step, instance, span, "group") DO UPDATE SET
              until = excluded.until, requests = excluded.requests, errors = excluded.errors,
              latencies = excluded.latencies
            -- Two looks of an instance may cross each other on the way.
            WHERE gateway_rollout_samples.until <= excluded.until`),
        )
      },

      seen: (step, since) =>
        Effect.map(
          rowsOf(sql<SamplesRow>`
            SELECT span, "group", requests::float8 AS requests, errors::float8 AS errors, latencies
            FROM gateway_rollout_samples
            JOIN jsonb_each_text(${JSON.stringify(since)}::text::jsonb) AS since ON since.key = span
            WHERE step = ${step} AND until >= to_timestamp(since.value::float8 / 1000)`),
          (rows) => bySpan((span) => total(rows.filter((row) => row.span === span).map(samplesOf))),
        ),
    })
  }),
)

/** The one character that PostgreSQL cannot keep. */
const withoutNul = (text: string): string => text.replaceAll("\0", "")

const jsonOf = (evidence: RolloutEvent["evidence"]): string | null =>
  Option.getOrNull(Option.map(evidence, (some) => JSON.stringify(some)))

const eventOf = ({ action, before, after, evidence }: HistoryRow): RolloutEvent => ({
  action,
  before: Option.map(Option.fromNullOr(before), rolloutOf),
  after: rolloutOf(after),
  evidence: Option.fromNullOr(evidence),
})

const rolloutOf = (row: RolloutJson): Rollout => ({
  state: row.state,
  cohort: Option.fromNullOr(row.cohort),
  automatic: row.automatic,
  step: row.step,
  stepStartedAt: Date.parse(row.step_started_at),
  updatedAt: Date.parse(row.updated_at),
  updatedBy: row.updated_by,
  reason: row.reason,
  version: row.version,
})

const samplesOf = ({ group, requests, errors, latencies }: SamplesRow): BothGroups => {
  const samples: GroupSamples = {
    requests,
    errors,
    latencies: new Map(Object.entries(latencies).map(([bucket, count]) => [Number(bucket), count])),
  }
  return { ...nothingSeen, [group]: samples }
}
