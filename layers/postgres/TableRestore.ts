import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { ObjectStore } from "../../src/objects/ObjectStore.ts"
import { MigrateFailed } from "./MigrateFailed.ts"
import {
  type Column,
  columnsOf,
  linesOf,
  quoted,
  type TableExport,
  type Tally,
  tallyOf,
} from "./TableExport.ts"

/** Characters of JSON that are inserted at once, or more by what the object store gives at once, or a row has. */
const batchSize = 262_144

/**
 * Puts back what the tables held, in the place of what they hold, and fails unless they then hold what they held. In a
 * transaction `forTables`, and alone with the tables. The exports are in the order of `Migration.tables`.
 *
 * The tables' triggers keep quiet meanwhile: what they would do was done when the rows were written first.
 */
export const restoreTables = Effect.fnUntraced(function* (exports: ReadonlyArray<TableExport>) {
  yield* Effect.forEach(exports, checkExport, { discard: true })
  const triggers = yield* Effect.forEach(exports, ({ table }) => triggersOf(table))
  yield* Effect.forEach(triggers.flat(), quieten, { discard: true })
  yield* Effect.forEach(exports.toReversed(), ({ table }) => empty(table), { discard: true })
  yield* Effect.forEach(exports, fill, { discard: true })
  yield* Effect.forEach(triggers.flat(), enable, { discard: true })
})

const check = (found: Tally, { table, rows, sha256 }: TableExport, where: string) =>
  found.rows === rows && found.sha256 === sha256
    ? Effect.void
    : Effect.fail(
        new MigrateFailed({
          message:
            `${where} is not what ${table} held when it was exported: ${found.rows} rows with the SHA-256 ${found.sha256}, ` +
            `and it was ${rows} rows with ${sha256}. Nothing was changed.`,
        }),
      )

const checkExport = Effect.fnUntraced(function* (exported: TableExport) {
  const { read, locate } = yield* ObjectStore
  const found = yield* tallyOf(read(exported.key)).pipe(
    Effect.mapError(
      (cause) =>
        new MigrateFailed({
          message:
            `${cause.message} The export of ${exported.table} is needed, and was written to ${exported.location}. Nothing ` +
            "was changed. Without it, `gateway migrate up --without-data` gives an empty table.",
          cause,
        }),
    ),
  )
  yield* check(found, exported, locate(exported.key))
})

interface Trigger {
  readonly table: string
  readonly name: string
  /** As `ALTER TABLE` says it. */
  readonly how: "ENABLE" | "ENABLE ALWAYS" | "ENABLE REPLICA"
}

const triggersOf = (table: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql<Trigger>`
      SELECT ${table}::text AS table, tgname AS name,
        CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END AS how
      FROM pg_trigger WHERE tgrelid = quote_ident(${table})::regclass AND NOT tgisinternal AND tgenabled <> 'D'`,
  )

const alter = ({ table, name }: Trigger, how: string) =>
  SqlClient.SqlClient.use((sql) => sql.unsafe(`ALTER TABLE ${quoted(table)} ${how} TRIGGER ${quoted(name)}`))

const quieten = (trigger: Trigger) => alter(trigger, "DISABLE")
const enable = (trigger: Trigger) => alter(trigger, trigger.how)

const empty = (table: string) => SqlClient.SqlClient.use((sql) => sql`DELETE FROM ${sql(table)}`)

const fill = Effect.fnUntraced(function* (exported: TableExport) {
  const { table, key, sequences } = exported
  const sql = yield* SqlClient.SqlClient
  const { read } = yield* ObjectStore
  const columns = yield* columnsOf(table)
  const insert = insertInto(table, columns)
  yield* Stream.runForEach(batchesOf(read(key)), (batch) => sql.unsafe(insert, [batch]))
  yield* check(yield* tallyOf(linesOf(table, columns)), exported, `What was restored to ${table}`)
  for (const { column, last, called } of sequences)
    yield* sql`
      SELECT setval(pg_get_serial_sequence(quote_ident(${table}), ${column}), ${last}::text::bigint, ${called})`
})

/** Takes a JSON array of lines. */
const insertInto = (table: string, columns: ReadonlyArray<Column>): string => {
  const names = columns.map(({ name }) => quoted(name))
  const values = columns.map(({ name, type }) => `texts.${quoted(name)}::${type}`)
  return `
    INSERT INTO ${quoted(table)} (${names.join(", ")}) OVERRIDING SYSTEM VALUE
    SELECT ${values.join(", ")}
    FROM json_to_recordset($1::text::json) AS texts (${names.map((name) => `${name} text`).join(", ")})`
}

/** The lines as JSON arrays. */
const batchesOf = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapAccum(
    Stream.decodeText(bytes),
    () => "",
    (before, more): readonly [string, ReadonlyArray<string>] => {
      const text = before + more
      const end = text.length < batchSize ? -1 : text.lastIndexOf("\n")
      return end < 0 ? [text, []] : [text.slice(end + 1), [arrayOf(text.slice(0, end))]]
    },
    { onHalt: (text) => (text === "" ? [] : [arrayOf(text.trimEnd())]) },
  )

/** JSON has no line feed in a line. */
const arrayOf = (lines: string): string => `[${lines.replaceAll("\n", ",")}]`
