import { Option } from "effect"
import type { SqlClient } from "effect/sql"
import type { CustomerFlags, Middleware } from "../../src/flags/CustomerFlags.ts"
import type { WantedFlags } from "../../src/flags/FlagStore.ts"

/** What a row says; the table's checks hold what is in the configuration. */
export interface SaidRow {
  readonly gateway_enabled: boolean
  readonly middleware_config: Readonly<Record<string, boolean>>
  readonly rollout_cohort: string | null
}

/** A row of `gateway_feature_flags` as `flagColumns` reads it. */
export interface FlagRow extends SaidRow {
  readonly customer_id: string
  readonly updated_by: string
  /** When it was updated: microseconds since the epoch. */
  readonly version: bigint
}

/** The version of a row in SQL: its time to the microsecond, which the triggers let grow with each change. */
export const rowVersion = "(extract(epoch FROM updated_at) * 1000000)::bigint"

export const flagColumns = (sql: SqlClient.SqlClient) =>
  sql.literal(
    `customer_id, gateway_enabled, middleware_config, rollout_cohort, updated_by, ${rowVersion} AS version`,
  )

export const flagsOf = (row: FlagRow): CustomerFlags => ({
  customerId: row.customer_id,
  ...saidBy(row),
  updatedAt: Number(row.version / 1000n),
  updatedBy: row.updated_by,
  version: String(row.version),
})

export const saidBy = (row: SaidRow): WantedFlags => ({
  gatewayEnabled: row.gateway_enabled,
  middleware: middlewareOf(row.middleware_config),
  rolloutCohort: Option.fromNullOr(row.rollout_cohort),
})

const middlewareOf = ({ rbac, policy, budget }: SaidRow["middleware_config"]): Middleware => ({
  rbac: rbac !== false,
  policy: policy !== false,
  budget: budget !== false,
})
