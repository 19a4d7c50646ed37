import type { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as approvals from "./0001_approvals.ts"

/** One step of the schema, and how to undo it (rollback tier 4). */
export interface Migration {
  readonly up: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>
  readonly down: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>
}

/** All of them by number and name (SPEC 15). A number is never used again, and what was released is never changed. */
export const migrations: Readonly<Record<`${number}_${string}`, Migration>> = {
  "0001_approvals": approvals,
}
