import { Option, Schema } from "effect"
import { cohorts } from "../flags/Cohort.ts"
import type { CustomerFlags } from "../flags/CustomerFlags.ts"
import type { FlagsStatus } from "../flags/FeatureFlags.ts"
import type { FlagHistory, WantedFlags } from "../flags/FlagStore.ts"
import { Instant, instantOf } from "./AdminBase.ts"
import { RolloutView, viewOf as rolloutOf } from "./Rollout.ts"

/** The stages that a row can switch off. */
const Middleware = Schema.Struct({ rbac: Schema.Boolean, policy: Schema.Boolean, budget: Schema.Boolean })

/** What a row says. */
const Values = Schema.Struct({
  gateway_enabled: Schema.Boolean,
  middleware: Middleware,
  rollout_cohort: Schema.NullOr(Schema.String),
})

/** A row of `gateway_feature_flags` as the admin API shows it. */
export const FlagsRow = Schema.Struct({
  customer_id: Schema.String,
  ...Values.fields,
  updated_at: Instant,
  updated_by: Schema.String,
  version: Schema.String,
})

/** Where the customer's requests go now, from the instance that answers. */
export const Holding = Schema.Struct({
  to: Schema.Literals(["gateway", "direct"]),
  because: Schema.Literals(["row", "cohort", "default"]),
  middleware: Middleware,
  /** The smallest that the customer is in by the hash of the id, whatever a row's label says. */
  cohort: Schema.Literals(cohorts),
})

const held = {
  /** Null while nobody can say: then the requests are refused. */
  holds: Schema.NullOr(Holding),
}

/** A customer's row, and what holds for the customer. */
export const CustomerView = Schema.Struct({
  customer_id: Schema.String,
  /** False while the database is away: then `row` is null whether there is one or not. */
  row_known: Schema.Boolean,
  row: Schema.NullOr(FlagsRow),
  ...held,
})

/** A customer's row before and after a change, and what holds for the customer now. */
export const ChangedView = Schema.Struct({
  customer_id: Schema.String,
  before: Schema.NullOr(FlagsRow),
  row: Schema.NullOr(FlagsRow),
  ...held,
})

/** How well the instance that answers knows the flags. */
export const StatusView = Schema.Struct({
  state: Schema.Literals(["current", "stale", "unknown"]),
  revision: Schema.NullOr(Schema.Int),
  rows: Schema.Int,
  /** When the database last confirmed them, and how long ago that is. */
  confirmed_at: Schema.NullOr(Instant),
  age_seconds: Schema.NullOr(Schema.Finite),
  rollout: Schema.NullOr(RolloutView),
  /** `FLAGS_DEFAULT_ENABLED`. */
  default_enabled: Schema.Boolean,
})

/** One change of one row. */
export const FlagsEvent = Schema.Struct({
  customer_id: Schema.String,
  at: Instant,
  by: Schema.String,
  /** Null for a change by hand that gave none. */
  reason: Schema.NullOr(Schema.String),
  before: Schema.NullOr(Values),
  after: Schema.NullOr(Values),
})

const valuesOf = ({ gatewayEnabled, middleware, rolloutCohort }: WantedFlags): typeof Values.Type => ({
  gateway_enabled: gatewayEnabled,
  middleware,
  rollout_cohort: Option.getOrNull(rolloutCohort),
})
export const valuesOrNull = (wanted: Option.Option<WantedFlags>) =>
  Option.getOrNull(Option.map(wanted, valuesOf))

export const rowOf = (row: CustomerFlags): typeof FlagsRow.Type => ({
  customer_id: row.customerId,
  ...valuesOf(row),
  updated_at: instantOf(row.updatedAt),
  updated_by: row.updatedBy,
  version: row.version,
})
export const rowOrNull = (row: Option.Option<CustomerFlags>) => Option.getOrNull(Option.map(row, rowOf))

/** `now` in milliseconds since the epoch. */
export const statusOf = (
  { state, revision, rows, confirmedAt, rollout }: FlagsStatus,
  now: number,
  defaultEnabled: boolean,
): typeof StatusView.Type => ({
  state,
  revision: Option.getOrNull(revision),
  rows,
  confirmed_at: Option.getOrNull(Option.map(confirmedAt, instantOf)),
  age_seconds: Option.getOrNull(Option.map(confirmedAt, (at) => Math.max(0, now - at) / 1000)),
  rollout: Option.getOrNull(Option.map(rollout, rolloutOf)),
  default_enabled: defaultEnabled,
})

export const eventOf = (event: FlagHistory): typeof FlagsEvent.Type => ({
  customer_id: event.customerId,
  at: instantOf(event.at),
  by: event.by,
  reason: Option.getOrNull(event.reason),
  before: valuesOrNull(event.before),
  after: valuesOrNull(event.after),
})
