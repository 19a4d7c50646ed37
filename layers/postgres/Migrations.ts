import { Effect, Record } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { migrations } from "../../migrations/index.ts"

const run = Migrator.make({})({ loader: Migrator.fromRecord(Record.map(migrations, ({ up }) => up)) })

/**
 * Applies what is not applied yet (SPEC 15), in one transaction, and gives what that was. Of any number of instances
 * that do so at once one does the work, and the others find it done; what is applied is in `effect_sql_migrations`.
 */
export const migrate = SqlClient.SqlClient.use((sql) =>
  sql.withTransaction(
    Effect.gen(function* () {
      // A step may take longer than a query may; but one that waits for another's lock must not hold up all the rest.
      yield* sql`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '10s', true)`
      // The library locks its table, which the first of all to come has to create: that is what needs this lock.
      yield* sql`SELECT pg_advisory_xact_lock(${lockOfMigrations})`
      return yield* run
    }),
  ),
)

/** Any number that nobody else uses in the same database: these are the letters "gateway". */
const lockOfMigrations = 0x67617465776179n
