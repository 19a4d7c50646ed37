import { Effect, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { createHash } from "node:crypto"
import { ObjectStore } from "../../src/objects/ObjectStore.ts"
import { MigrateFailed } from "./MigrateFailed.ts"

/** What a table held, as an object of JSON lines. */
export interface TableExport {
  readonly table: string
  /** The object's key. */
  readonly key: string
  /** Where the object was when it was written. */
  readonly location: string
  readonly rows: number
  /** Of the object's bytes, in hexadecimal. */
  readonly sha256: string
  /** The state of the sequences that number the table's columns. */
  readonly sequences: ReadonlyArray<SequenceState>
}

export interface SequenceState {
  readonly column: string
  /** A whole number of 64 bits. */
  readonly last: string
  /** Whether the last number was given out. */
  readonly called: boolean
}

/** A column whose value is a table's own: not one that PostgreSQL computes from others. */
export interface Column {
  readonly name: string
  /** As a cast names it. */
  readonly type: string
  readonly collates: boolean
  /** Its place in the primary key. */
  readonly keyPlace: number | null
  /** The sequence that numbers it, as SQL names it. */
  readonly sequence: string | null
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** In the table's order. */
export const columnsOf = (table: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql<Column>`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attcollation <> 0 AS collates,
        array_position(indkey::int2[], attnum) AS "keyPlace",
        pg_get_serial_sequence(quote_ident(${table}), attname) AS sequence
      FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
      WHERE attrelid = quote_ident(${table})::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      ORDER BY attnum`,
  )

/**
 * The table as JSON lines, one an object of each column's text, or null, as PostgreSQL writes it and reads it again: no
 * number, time or JSON has another form on the way. In the order of the primary key, which no locale has a say in.
 */
export const linesOf = (
  table: string,
  columns: ReadonlyArray<Column>,
): Stream.Stream<Uint8Array, SqlError.SqlError, SqlClient.SqlClient> => {
  const own = ({ name }: Column) => `${quoted(table)}.${quoted(name)}`
  const key = columns
    .flatMap((column) => (column.keyPlace === null ? [] : [{ ...column, keyPlace: column.keyPlace }]))
    .toSorted((one, other) => one.keyPlace - other.keyPlace)
  const texts = columns.map((column) => `${own(column)}::text AS ${quoted(column.name)}`)
  const order =
    key.length === 0
      ? columns.map((column) => `${own(column)}::text COLLATE "C"`)
      : key.map((column) => `${own(column)}${column.collates ? ' COLLATE "C"' : ""}`)
  return Stream.unwrap(
    SqlClient.SqlClient.useSync(
      (sql) =>
        // The client reads no more of the answer than is asked for.
        sql.unsafe<{ line: string }>(
          `SELECT row_to_json((SELECT texts FROM (SELECT ${texts.join(", ")}) AS texts))::text AS line
          FROM ${quoted(table)} ORDER BY ${order.join(", ")}`,
        ).stream,
    ),
  ).pipe(Stream.mapArray((rows) => [Buffer.from(rows.map(({ line }) => `${line}\n`).join(""))]))
}

/** What there is of lines. */
export interface Tally {
  readonly rows: number
  readonly sha256: string
}

/** Counts and hashes the lines, while `through` takes them. */
const tallied = <E, R, A, E2, R2>(
  lines: Stream.Stream<Uint8Array, E, R>,
  through: (lines: Stream.Stream<Uint8Array, E, R>) => Effect.Effect<A, E2, R2>,
) =>
  Effect.suspend(() => {
    const hash = createHash("sha256")
    let rows = 0
    const seen = Stream.tap(lines, (bytes) =>
      Effect.sync(() => {
        hash.update(bytes)
        for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) rows += 1
      }),
    )
    return Effect.map(through(seen), (): Tally => ({ rows, sha256: hash.digest("hex") }))
  })
const newline = 0x0a

/** Of an object, or of a table as it is. */
export const tallyOf = <E, R>(lines: Stream.Stream<Uint8Array, E, R>) => tallied(lines, Stream.runDrain)

/** How many rows the table has, as PostgreSQL counts them. */
export const countRows = (table: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql<{ rows: number }>`SELECT count(*)::float8 AS rows FROM ${sql(table)}`,
  ).pipe(Effect.map(([row]) => row?.rows ?? 0))

/**
 * Writes what the table holds to the object store, reads it from there again, and fails unless what is there is what
 * PostgreSQL has. In a transaction `forTables`, within which the table does not change.
 */
export const exportTable = Effect.fnUntraced(function* (table: string, key: string) {
  const { write, read, locate } = yield* ObjectStore
  const columns = yield* columnsOf(table)
  const rows = yield* countRows(table)
  // The store knows of no transaction, and must not have to hand it on.
  const context = yield* Effect.context<SqlClient.SqlClient>()
  const written = yield* tallied(Stream.provideContext(linesOf(table, columns), context), (lines) =>
    write(key, lines),
  )
  const stored = yield* tallyOf(read(key))
  if (rows !== written.rows || rows !== stored.rows || written.sha256 !== stored.sha256)
    return yield* new MigrateFailed({
      message:
        `The export of ${table} is not what the table holds, which is ${rows} rows: ${written.rows} were written to ` +
        `${locate(key)}, and ${stored.rows} are there${rows === stored.rows ? ", but not the same" : ""}. Nothing was changed.`,
    })
  const sequences = yield* Effect.forEach(columns, sequenceOf)
  const exported: TableExport = {
    table,
    key,
    location: locate(key),
    ...stored,
    sequences: sequences.flat(),
  }
  return { exported, columns: columns.map(({ name, type }) => ({ name, type })) }
})

const sequenceOf = ({ name, sequence }: Column) =>
  sequence === null
    ? Effect.succeed([])
    : SqlClient.SqlClient.use((sql) =>
        sql.unsafe<SequenceState>(
          `SELECT $1::text AS column, last_value::text AS last, is_called AS called FROM ${sequence}`,
          [name],
        ),
      )
