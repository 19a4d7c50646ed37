import { type Cause, Effect } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"

/**
 * Runs it in a transaction, alone: of all who migrate one database one is at work, and the others wait, ten seconds at
 * most. A step may take longer than a query may.
 */
export const alone = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  SqlClient.SqlClient.use((sql) =>
    inTransaction(
      sql,
      Effect.gen(function* () {
        yield* sql`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '10s', true)`
        yield* sql`SELECT pg_advisory_xact_lock(${lockOfMigrations})`
        return yield* work
      }),
    ),
  )

/** Any number that nobody else uses in the same database: these are the letters "gateway". */
const lockOfMigrations = 0x67617465776179n

/** Runs it in a transaction that sees one moment of the database, changes nothing, and holds nobody up. */
export const atOneMoment = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  SqlClient.SqlClient.use((sql) =>
    inTransaction(sql, Effect.andThen(sql`SELECT set_config('statement_timeout', '0', true)`, work)),
  ).pipe(
    Effect.provideService(SqlClient.BeginTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
  )

/** What is undone is a success all the same. */
class Undone<A> {
  readonly done: A
  constructor(done: A) {
    this.done = done
  }
}

/** Runs it alone, and undoes it in the end; gives what it gave. */
export const aloneAndUndone = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  alone(Effect.flatMap(work, (done) => Effect.fail(new Undone(done)))).pipe(
    Effect.catchIf(
      (error): error is Undone<A> => error instanceof Undone,
      ({ done }) => Effect.succeed(done),
    ),
  )

/** A transaction that fails with what the work fails with, also when it cannot be rolled back. */
const inTransaction = <A, E, R>(sql: SqlClient.SqlClient, work: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    let ofWork: Cause.Cause<E> | undefined
    const noticed = Effect.tapCause(work, (cause) =>
      Effect.sync(() => {
        ofWork = cause
      }),
    )
    return sql.withTransaction(noticed).pipe(
      Effect.catchCause((cause) => Effect.failCause(ofWork ?? cause)),
      Effect.catchDefect(asFailure),
    )
  })

/**
 * When the connection is lost, the transaction cannot be rolled back, and the library makes a defect of what it failed
 * with. But whoever tries again must be able to.
 */
export const asFailure = (defect: unknown) =>
  SqlError.isSqlError(defect) || defect instanceof Migrator.MigrationError
    ? Effect.fail(defect)
    : Effect.die(defect)

/**
 * For a transaction that reads or writes whole tables: the texts of their values are the same in every session; no
 * policy hides a row; and who waits for the object store is not taken for one who has died, but who has died is noticed.
 */
export const forTables = SqlClient.SqlClient.use(
  (sql) => sql`
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, MDY', true),
      set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
      set_config('extra_float_digits', '1', true), set_config('row_security', 'off', true),
      set_config('idle_in_transaction_session_timeout', '0', true), set_config('tcp_keepalives_idle', '10', true),
      set_config('tcp_keepalives_interval', '10', true), set_config('tcp_keepalives_count', '3', true)`,
)
