import { Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { Cohort } from "../../src/flags/Cohort.ts"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import { FlagFeed, FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import type { Rollout, RolloutState } from "../../src/flags/Rollout.ts"
import { Database } from "./Database.ts"
import { flagColumns, type FlagRow, flagsOf } from "./FlagRows.ts"

/** The channel on which the triggers of the flags and of the rollout say that there is a new revision. */
export const flagChannel = "gateway_flags"

/** After more changes than these, everything is read anew. */
const changesAtOnce = 1000
/** A page takes a small part of the second that a statement may take, and of what a request may wait meanwhile. */
const rowsAtOnce = 1000
/** For all pages together. */
const patience = "10 seconds"

/** Where the flags stand, with the rollout if there ever was one. */
type Head = { readonly revision: bigint; readonly history_since: bigint } & (
  | RolloutRow
  | { readonly state: null }
)
interface RolloutRow {
  readonly state: RolloutState
  readonly cohort: Cohort | null
  readonly automatic: boolean
  readonly step: number
  readonly step_started_at: Date
  readonly rollout_updated_at: Date
  readonly rollout_updated_by: string
  readonly reason: string
  readonly rollout_version: bigint
}

/** The row of a customer, as it is now; null when nothing has changed. */
type Change = { readonly changed_id: string | null } & (FlagRow | { readonly customer_id: null })

/** The flags in PostgreSQL, by the revisions that migration 2 gives to each change, and its history of them. */
export const layer = Layer.effect(
  FlagFeed,
  Effect.gen(function* () {
    const { ask, notifications, opened, sql } = yield* Database
    const columns = flagColumns(sql)
    const rolloutColumns = sql.literal(
      "state, cohort, automatic, step, step_started_at, " +
        "rollout.updated_at AS rollout_updated_at, rollout.updated_by AS rollout_updated_by, reason, " +
        "rollout.version AS rollout_version",
    )
    // Each has one row. The planner does not know it before the first ANALYZE, and would compile a query of a second for
    // the thousands that it expects.
    const revisions = sql.literal("(SELECT * FROM gateway_flag_revision LIMIT 1) AS flags")
    const withRollout = {
      columns: sql`flags.revision, history_since, ${rolloutColumns}`,
      from: sql`${revisions} LEFT JOIN (SELECT * FROM gateway_rollout LIMIT 1) AS rollout ON true`,
      standing,
    }
    /** While the rollout's table is taken down, rows are told all the same. */
    const withoutRollout = {
      columns: sql.literal("flags.revision, history_since, NULL AS state"),
      from: revisions,
      standing: (head: Head) => ({ ...standing(head), rollout: "unknown" as const }),
    }
    type Reading = typeof withRollout | typeof withoutRollout

    /** One row with what has changed since; or one row if nothing has. */
    const changesSince = (known: bigint, head: Reading) => sql<Head & Change>`
      SELECT ${head.columns}, changed_id, rows.*
      FROM ${head.from}
      LEFT JOIN LATERAL (
        SELECT customer_id AS changed_id FROM gateway_feature_flag_history AS history
        WHERE history.revision > ${known} AND history_since <= ${known} AND flags.revision > ${known}
        ORDER BY history.revision LIMIT ${changesAtOnce + 1}
      ) AS changes ON true
      LEFT JOIN (SELECT ${columns} FROM gateway_feature_flags) AS rows ON rows.customer_id = changed_id`

    const page = (after: string | undefined) => sql<FlagRow>`
      SELECT ${columns} FROM gateway_feature_flags
      ${after === undefined ? sql.literal("") : sql`WHERE customer_id > ${after}`}
      ORDER BY customer_id LIMIT ${rowsAtOnce}`

    /** All of it in one snapshot. */
    const everything = (head: Reading) =>
      sql
        .withTransaction(
          Effect.gen(function* () {
            const [now] = yield* sql<Head>`SELECT ${head.columns} FROM ${head.from}`
            const rows: Array<CustomerFlags> = []
            for (;;) {
              const read = yield* page(rows.at(-1)?.customerId)
              for (const row of read) rows.push(flagsOf(row))
              if (read.length < rowsAtOnce) return { now, rows }
            }
          }),
        )
        .pipe(
          Effect.provideService(
            SqlClient.BeginTransaction,
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
          ),
        )

    const read = Effect.fnUntraced(function* (revision: Option.Option<number>, head: Reading) {
      const known = BigInt(Option.getOrElse(revision, () => -1))
      const changes = yield* ask(changesSince(known, head))
      const now = yield* present(changes[0])
      if (now.history_since <= known && known <= now.revision && changes.length <= changesAtOnce)
        return { ...head.standing(now), isWhole: false, ...rowsAndRemoved(changes) }
      const all = yield* ask(everything(head), patience)
      return { ...head.standing(yield* present(all.now)), isWhole: true, rows: all.rows, removed: [] }
    })
    const isRolloutDown = ask(
      sql<{ readonly down: boolean }>`SELECT to_regclass('gateway_rollout') IS NULL AS down`,
    ).pipe(Effect.map(([found]) => found?.down === true))

    return FlagFeed.of({
      since: (revision) =>
        read(revision, withRollout).pipe(
          Effect.catch((cause) =>
            Effect.flatMap(isRolloutDown, (down) =>
              down ? read(revision, withoutRollout) : Effect.fail(cause),
            ),
          ),
          Effect.mapError((cause) => new FlagsUnavailable({ cause })),
        ),
      listen: (heard) => notifications.listen(flagChannel, heard),
      opened,
    })
  }),
)

const present = <A>(head: A | undefined) =>
  head === undefined
    ? Effect.fail(new Error("The table gateway_flag_revision has lost its row."))
    : Effect.succeed(head)

const standing = (head: Head) => ({
  revision: Number(head.revision),
  rollout: head.state === null ? Option.none() : Option.some(rolloutOf(head)),
})

const rolloutOf = (row: RolloutRow): Rollout => ({
  state: row.state,
  cohort: Option.fromNullOr(row.cohort),
  automatic: row.automatic,
  step: row.step,
  stepStartedAt: row.step_started_at.getTime(),
  updatedAt: row.rollout_updated_at.getTime(),
  updatedBy: row.rollout_updated_by,
  reason: row.reason,
  version: Number(row.rollout_version),
})

/** A customer whose row has changed more than once is there more than once, and each time as it is now. */
const rowsAndRemoved = (changes: ReadonlyArray<Change>) => {
  const rows = new Map<string, CustomerFlags>()
  const removed = new Set<string>()
  for (const change of changes)
    if (change.customer_id !== null) rows.set(change.customer_id, flagsOf(change))
    else if (change.changed_id !== null) removed.add(change.changed_id)
  return { rows: [...rows.values()], removed: [...removed] }
}
