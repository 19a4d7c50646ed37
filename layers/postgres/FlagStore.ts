import { Effect, Layer, Option } from "effect"
import { type FlagChange, type FlagHistory, type FlagOutcome, FlagStore } from "../../src/flags/FlagStore.ts"
import { FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import { Database, type Unanswered } from "./Database.ts"
import { flagChannel } from "./FlagFeed.ts"
import { flagColumns, type FlagRow, flagsOf, rowVersion, saidBy, type SaidRow } from "./FlagRows.ts"

interface HistoryRow {
  readonly customer_id: string
  readonly changed_at: Date
  readonly changed_by: string
  readonly reason: string | null
  readonly old: SaidRow | null
  readonly new: SaidRow | null
}

/** The flags in PostgreSQL. The triggers of migration 2 keep versions, history and revisions, whoever writes. */
export const layer = Layer.effect(
  FlagStore,
  Effect.gen(function* () {
    const { ask, notifications, sql } = yield* Database
    const columns = flagColumns(sql)
    const nothing = sql.literal("")

    const find = (customerId: string) =>
      isKept(customerId)
        ? Effect.map(
            ask(sql<FlagRow>`SELECT ${columns} FROM gateway_feature_flags WHERE customer_id = ${customerId}`),
            ([row]) => Option.map(Option.fromUndefinedOr(row), flagsOf),
          )
        : Effect.succeedNone

    /** One statement, so that whatever writers do at once happens in some order. Gives the row that it has changed. */
    const change = ({ customerId, wanted, expected, by, reason }: FlagChange) => {
      // The triggers read them; they end with the statement.
      const who = sql`who AS MATERIALIZED (
        SELECT set_config('gateway.changed_by', ${withoutNul(by)}, true),
          set_config('gateway.reason', ${withoutNul(reason)}, true)
      )`
      const isExpected =
        expected === "any"
          ? nothing
          : sql`AND ${sql.literal(rowVersion)}::text = ${readableVersion(expected)}`
      if (Option.isNone(wanted))
        return sql<FlagRow>`
          WITH ${who} DELETE FROM gateway_feature_flags USING who WHERE customer_id = ${customerId} ${isExpected}
          RETURNING ${columns}`

      const { gatewayEnabled, middleware, rolloutCohort } = wanted.value
      const enabled = sql`${gatewayEnabled}::boolean`
      const config = sql`${JSON.stringify({ auth: true, ...middleware })}::jsonb`
      const cohort = sql`${Option.getOrNull(Option.map(rolloutCohort, withoutNul))}::text`
      if (expected !== "any" && Option.isSome(expected))
        return sql<FlagRow>`
          WITH ${who} UPDATE gateway_feature_flags
          SET gateway_enabled = ${enabled}, middleware_config = ${config}, rollout_cohort = ${cohort}
          FROM who WHERE customer_id = ${customerId} ${isExpected}
          RETURNING ${columns}`

      const onConflict =
        expected === "any"
          ? sql.literal(
              "UPDATE SET gateway_enabled = excluded.gateway_enabled, middleware_config = excluded.middleware_config, " +
                "rollout_cohort = excluded.rollout_cohort",
            )
          : sql.literal("NOTHING")
      return sql<FlagRow>`
        WITH ${who} INSERT INTO gateway_feature_flags (customer_id, gateway_enabled, middleware_config, rollout_cohort)
        SELECT ${customerId}::text, ${enabled}, ${config}, ${cohort} FROM who
        ON CONFLICT (customer_id) DO ${onConflict}
        RETURNING ${columns}`
    }

    return FlagStore.of({
      find: (customerId) => unavailable(find(customerId)),

      list: ({ after, limit }) =>
        unavailable(
          Effect.map(
            ask(sql<FlagRow>`
              SELECT ${columns} FROM gateway_feature_flags
              ${Option.match(after, { onNone: () => nothing, onSome: (id) => sql`WHERE customer_id > ${beforeNul(id)}` })}
              ORDER BY customer_id LIMIT ${limit}`),
            (rows) => rows.map(flagsOf),
          ),
        ),

      write: Effect.fnUntraced(function* (wish): Effect.fn.Return<FlagOutcome, Unanswered> {
        const [changed] = yield* ask(change(wish))
        if (changed !== undefined) {
          yield* notifications.repeat(flagChannel)
          return { _tag: "changed", row: Option.map(wish.wanted, () => flagsOf(changed)) }
        }
        if (Option.isNone(wish.wanted) && wish.expected === "any")
          return { _tag: "changed", row: Option.none() }
        // Asked afterwards: the statement cannot see the row of who was faster.
        const row = yield* find(wish.customerId)
        const isDone = Option.isNone(wish.wanted) && wish.expected !== "any" && Option.isNone(wish.expected)
        return { _tag: isDone && Option.isNone(row) ? "changed" : "conflict", row }
      }, unavailable),

      history: ({ customerId, limit }) =>
        Option.exists(customerId, (id) => !isKept(id))
          ? Effect.succeed([])
          : unavailable(
              Effect.map(
                ask(sql<HistoryRow>`
                  SELECT customer_id, changed_at, changed_by, reason, old, new FROM gateway_feature_flag_history
                  ${Option.match(customerId, { onNone: () => nothing, onSome: (id) => sql`WHERE customer_id = ${id}` })}
                  ORDER BY revision DESC, customer_id DESC LIMIT ${limit}`),
                (rows) => rows.map(historyOf),
              ),
            ),
    })
  }),
)

const unavailable = <A>(asking: Effect.Effect<A, Unanswered>) =>
  Effect.mapError(asking, (cause) => new FlagsUnavailable({ cause }))

/** Of the one character that PostgreSQL cannot keep. */
const nul = "\0"
const withoutNul = (text: string): string => text.replaceAll(nul, "")
/** What follows the one in the order of ids follows the other, for there is no id with it. */
const beforeNul = (text: string): string => text.split(nul)[0] ?? ""
const isKept = (text: string): boolean => !text.includes(nul)

/** Empty for what is no version. */
const readableVersion = (expected: Option.Option<string>): string =>
  Option.getOrElse(Option.filter(expected, isKept), () => "")

const historyOf = (row: HistoryRow): FlagHistory => ({
  customerId: row.customer_id,
  at: row.changed_at.getTime(),
  by: row.changed_by,
  reason: Option.fromNullOr(row.reason),
  before: Option.map(Option.fromNullOr(row.old), saidBy),
  after: Option.map(Option.fromNullOr(row.new), saidBy),
})
