import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { hostname, userInfo } from "node:os"
import type { TableExport } from "./TableExport.ts"

/** A step that is in the schema; the library's record of it. */
export interface Applied {
  readonly id: number
  readonly name: string
  readonly at: Date
}

/** A step that somebody took down, and that nobody has applied again by `gateway migrate up`. */
export interface TakenDown {
  readonly id: number
  readonly name: string
  readonly at: Date
  readonly by: string
  /** What its tables held, in the order of `Migration.tables`. */
  readonly exports: ReadonlyArray<TableExport>
}

const isThere = (table: string) =>
  SqlClient.SqlClient.use(
    (sql) => sql<{ there: boolean }>`SELECT to_regclass(${table}) IS NOT NULL AS there`,
  ).pipe(Effect.map(([row]) => row?.there === true))

/** All of them by their numbers. */
export const readApplied: Effect.Effect<
  ReadonlyArray<Applied>,
  SqlError.SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  if (!(yield* isThere("effect_sql_migrations"))) return []
  const sql = yield* SqlClient.SqlClient
  return yield* sql<Applied>`
    SELECT migration_id AS id, name, created_at AS at FROM effect_sql_migrations ORDER BY migration_id`
})

/** All of them by their numbers. A database where nothing was ever taken down has no journal. */
export const readTakenDown: Effect.Effect<
  ReadonlyArray<TakenDown>,
  SqlError.SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  if (!(yield* isThere("gateway_migration_journal"))) return []
  const sql = yield* SqlClient.SqlClient
  return yield* sql<TakenDown>`
    SELECT migration_id AS id, name, taken_down_at AS at, taken_down_by AS by, exports
    FROM gateway_migration_journal ORDER BY migration_id`
})

/** In the transaction that takes it down, so that no export is believed whose step was never taken down. */
export const recordTakenDown = (id: number, name: string, exports: ReadonlyArray<TableExport>) =>
  SqlClient.SqlClient.use((sql) =>
    Effect.gen(function* () {
      yield* sql`
        CREATE TABLE IF NOT EXISTS gateway_migration_journal (
          migration_id integer PRIMARY KEY,
          name text NOT NULL,
          taken_down_at timestamptz NOT NULL DEFAULT now(),
          taken_down_by text NOT NULL,
          exports jsonb NOT NULL
        )`
      yield* sql`
        INSERT INTO gateway_migration_journal (migration_id, name, taken_down_by, exports)
        VALUES (${id}, ${name}, ${`${person()}, as `} || session_user, ${JSON.stringify(exports)}::text::jsonb)`
      yield* sql`DELETE FROM effect_sql_migrations WHERE migration_id = ${id}`
    }),
  )

export const forgetTakenDown = (id: number) =>
  SqlClient.SqlClient.use((sql) => sql`DELETE FROM gateway_migration_journal WHERE migration_id = ${id}`)

/** Who runs this process, and where. */
const person = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    // A container may run under a number that has no name.
    return hostname()
  }
}
