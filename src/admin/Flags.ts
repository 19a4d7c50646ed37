import { Clock, Effect, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { AuditLog } from "../audit/AuditLog.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { allMiddleware, type CustomerFlags } from "../flags/CustomerFlags.ts"
import { FeatureFlags } from "../flags/FeatureFlags.ts"
import type { FlagsUnavailable } from "../flags/FlagFeed.ts"
import { type FlagChange, FlagStore, type WantedFlags } from "../flags/FlagStore.ts"
import type { Problem } from "../http/Problems.ts"
import { adminBase, commonProblems, Limit, Reason } from "./AdminBase.ts"
import * as bounds from "./Bounds.ts"
import { conflict, flagsAway, needsDirect } from "./FlagRefusals.ts"
import {
  ChangedView,
  CustomerView,
  eventOf,
  FlagsEvent,
  FlagsRow,
  rowOf,
  rowOrNull,
  StatusView,
  statusOf,
  valuesOrNull,
} from "./FlagViews.ts"
import { problemSchemas } from "./ProblemSchemas.ts"
import { restricted, Staff, StaffOnly } from "./Staff.ts"

const textOf = ({ pattern, expected }: typeof bounds.customerId) =>
  Schema.String.check(Schema.isPattern(pattern, { expected }))

/**
 * Customers are named in the query: an id may hold a slash, be two dots or look percent-encoded, and no path may (SPEC 2).
 */
const customer = { customer_id: textOf(bounds.customerId) }

const changing = {
  query: customer,
  success: ChangedView,
  error: [...commonProblems, problemSchemas["conflict"], problemSchemas["payload-too-large"]],
} as const

/** Who goes through the gateway, by the customers' own rows (SPEC 11). */
export const flags = HttpApiGroup.make("flags")
  .add(
    HttpApiEndpoint.get("list", "/_gateway/flags", {
      query: { after: Schema.optionalKey(Schema.String), limit: Schema.optionalKey(Limit) },
      success: Schema.Struct({
        flags: Schema.Array(FlagsRow),
        /** What to ask for as `after` to see more; null at the end. */
        next: Schema.NullOr(Schema.String),
      }),
      error: commonProblems,
    }).annotateMerge(
      restricted(
        "flags.read",
        "The rows in the order of the customers' ids, 50 unless `limit` says otherwise",
      ),
    ),
    HttpApiEndpoint.get("status", "/_gateway/flags/status", {
      success: StatusView,
      error: commonProblems,
    }).annotateMerge(restricted("flags.read", "How well the instance that answers knows the flags")),
    HttpApiEndpoint.get("history", "/_gateway/flags/history", {
      query: { customer_id: Schema.optionalKey(customer.customer_id), limit: Schema.optionalKey(Limit) },
      success: Schema.Struct({ events: Schema.Array(FlagsEvent) }),
      error: commonProblems,
    }).annotateMerge(
      restricted(
        "flags.read",
        "Changes of rows, also those made in SQL, the newest first, 50 unless `limit` says otherwise; of one customer or of all",
      ),
    ),
    HttpApiEndpoint.get("read", "/_gateway/flags/customer", {
      query: customer,
      success: CustomerView,
      error: commonProblems,
    }).annotateMerge(restricted("flags.read", "A customer's row, and where the customer's requests go now")),
    HttpApiEndpoint.put("write", "/_gateway/flags/customer", {
      ...changing,
      payload: Schema.Struct({
        gateway_enabled: Schema.Boolean,
        middleware: Schema.optionalKey(
          Schema.Struct({
            rbac: Schema.optionalKey(Schema.Boolean),
            policy: Schema.optionalKey(Schema.Boolean),
            budget: Schema.optionalKey(Schema.Boolean),
          }),
        ),
        rollout_cohort: Schema.optionalKey(Schema.NullOr(textOf(bounds.cohortLabel))),
        reason: Reason,
        version: Schema.NullOr(Schema.String),
      }),
    }).annotateMerge(
      restricted(
        "flags.write",
        "Write a customer's row in the place of the `version` that was read, null where there was none; a layer that is left out is on",
      ),
    ),
    // No DELETE: it would need a body, which not every proxy passes (RFC 9110 section 9.3.5).
    HttpApiEndpoint.post("remove", "/_gateway/flags/customer/remove", {
      ...changing,
      payload: Schema.Struct({ reason: Reason, version: Schema.String }),
    }).annotateMerge(
      restricted("flags.write", "Remove a customer's row, so that the cohort rule decides again"),
    ),
    HttpApiEndpoint.post("disable", "/_gateway/flags/customer/disable", {
      ...changing,
      payload: Schema.Struct({ reason: Reason }),
    }).annotateMerge(
      restricted(
        "rollback",
        "Take a customer off the gateway now, whatever the row says; its other values stay",
      ),
    ),
  )
  .middleware(StaffOnly)

/** The handlers of the group, over the ports. */
export const layer = HttpApiBuilder.group(
  adminBase.add(flags),
  "flags",
  Effect.fnUntraced(function* (handlers) {
    const settings = (yield* GatewayConfig).flags
    const store = yield* FlagStore
    const known = yield* FeatureFlags
    const { record } = yield* AuditLog
    const hasDirect = yield* needsDirect

    /** Writes and puts on record, also when the caller has gone away meanwhile. */
    const write = Effect.fnUntraced(function* (
      before: Option.Option<CustomerFlags>,
      change: Omit<FlagChange, "by">,
    ) {
      const { identity, correlationId, deny } = yield* Staff
      const { customerId, reason, wanted } = change
      // A row takes its customer's staff past the stages too: nobody does that for themselves.
      if (Option.contains(identity.customerId, customerId))
        return yield* deny("Nobody changes the flags of the customer they belong to.")
      const onRecord = record({
        kind: "operations",
        name: "flags_changed",
        severity: "INFO",
        correlationId: Option.some(correlationId),
        userId: Option.some(identity.userId),
        customerId: Option.some(customerId),
        details: { reason, before: valuesOrNull(before), after: valuesOrNull(wanted) },
      })
      return yield* available(store.write({ ...change, by: identity.userId })).pipe(
        Effect.tap(({ _tag }) => (_tag === "changed" ? onRecord : Effect.void)),
        Effect.uninterruptible,
      )
    })

    /** In the place of what the caller has read. */
    const replace = Effect.fnUntraced(function* (
      customerId: string,
      wanted: Option.Option<WantedFlags>,
      expected: Option.Option<string>,
      reason: string,
    ) {
      const before = yield* available(store.find(customerId))
      const { _tag, row } = yield* write(before, { customerId, wanted, expected, reason })
      return _tag === "changed" ? yield* changed(customerId, before, row) : yield* stale(row)
    })

    /** Others who change the row meanwhile are not overwritten while there is patience for that. */
    const takeOff = Effect.fnUntraced(function* (customerId: string, reason: string) {
      yield* hasDirect
      let before = yield* available(store.find(customerId))
      for (let patience = 5; ; patience--) {
        const wanted = { ...Option.getOrElse(before, () => everything), gatewayEnabled: false }
        const { _tag, row } = yield* write(before, {
          customerId,
          wanted: Option.some(wanted),
          expected: patience > 0 ? Option.map(before, ({ version }) => version) : "any",
          reason,
        })
        if (_tag === "changed") return yield* changed(customerId, before, row)
        before = row
      }
    })

    const changed = Effect.fnUntraced(function* (
      customerId: string,
      before: Option.Option<CustomerFlags>,
      row: Option.Option<CustomerFlags>,
    ) {
      yield* known.refresh
      return {
        customer_id: customerId,
        before: rowOrNull(before),
        row: rowOrNull(row),
        holds: known.routeOf(customerId) ?? null,
      }
    })

    return handlers
      .handle("list", ({ query: { after, limit = 50 } }) =>
        available(store.list({ after: Option.fromUndefinedOr(after), limit: limit + 1 })).pipe(
          Effect.map((rows) => {
            const page = rows.slice(0, limit)
            return {
              flags: page.map(rowOf),
              next: rows.length > limit ? (page.at(-1)?.customerId ?? null) : null,
            }
          }),
          Effect.orDie,
        ),
      )
      .handle("status", () =>
        Effect.map(Clock.currentTimeMillis, (now) => statusOf(known.status(), now, settings.defaultEnabled)),
      )
      .handle("history", ({ query: { customer_id, limit = 50 } }) =>
        available(store.history({ customerId: Option.fromUndefinedOr(customer_id), limit })).pipe(
          Effect.map((events) => ({ events: events.map(eventOf) })),
          Effect.orDie,
        ),
      )
      .handle("read", ({ query: { customer_id } }) =>
        Effect.map(Effect.option(store.find(customer_id)), (found) => ({
          customer_id,
          row_known: Option.isSome(found),
          row: rowOrNull(Option.flatten(found)),
          holds: known.routeOf(customer_id) ?? null,
        })),
      )
      .handle("write", ({ query: { customer_id }, payload }) =>
        Effect.gen(function* () {
          const { gateway_enabled, middleware, rollout_cohort, reason, version } = payload
          if (!gateway_enabled) yield* hasDirect
          const wanted = {
            gatewayEnabled: gateway_enabled,
            middleware: { ...allMiddleware, ...middleware },
            rolloutCohort: Option.fromNullishOr(rollout_cohort),
          }
          return yield* replace(customer_id, Option.some(wanted), Option.fromNullOr(version), reason)
        }).pipe(Effect.orDie),
      )
      .handle("remove", ({ query: { customer_id }, payload: { reason, version } }) =>
        Effect.orDie(replace(customer_id, Option.none(), Option.some(version), reason)),
      )
      .handle("disable", ({ query: { customer_id }, payload: { reason } }) =>
        Effect.orDie(takeOff(customer_id, reason)),
      )
  }),
)

/** What a row says that says nothing but whether the customer is enrolled. */
const everything: Omit<WantedFlags, "gatewayEnabled"> = {
  middleware: allMiddleware,
  rolloutCohort: Option.none(),
}

/** 409 that shows what there is now. */
const stale = (row: Option.Option<CustomerFlags>) => {
  const present = rowOrNull(row)
  return conflict(
    present === null
      ? "The customer has no row now. Read it again."
      : `${present.updated_by} changed the row at ${present.updated_at}, and its version is ${present.version} now. Read it again.`,
    { version: present?.version ?? null, row: present },
  )
}

const available = <A, R>(effect: Effect.Effect<A, FlagsUnavailable, R>): Effect.Effect<A, Problem, R> =>
  Effect.mapError(effect, flagsAway)
