import type { Effect } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import * as approvals from "./0001_approvals.ts"
import * as featureFlags from "./0002_feature_flags.ts"
import * as rollout from "./0003_rollout.ts"

/** One step of the schema, and how to undo it (rollback tier 4). */
export interface Migration {
  readonly up: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>
  /** Undoes `up`, when the data of `tables` is safe elsewhere. */
  readonly down: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient>
  /** The tables that `up` makes and that hold data, each after those that it refers to. */
  readonly tables: ReadonlyArray<string>
}

/** All of them by number and name (SPEC 15). A number is never used again, and what was released is never changed. */
export const migrations: Readonly<Record<`${number}_${string}`, Migration>> = {
  "0001_approvals": approvals,
  "0002_feature_flags": featureFlags,
  "0003_rollout": rollout,
}
