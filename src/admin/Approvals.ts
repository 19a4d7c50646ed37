import { Clock, Effect, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { AuditLog } from "../audit/AuditLog.ts"
import { Problem } from "../http/Problems.ts"
import { type Approval, Approvals, approvalStatuses, type ApprovalsUnavailable } from "../policy/Approvals.ts"
import { approvalsAway } from "../policy/PolicyRefusals.ts"
import { adminBase, commonProblems, Instant, instantOf, Limit, Reason } from "./AdminBase.ts"
import { problemSchemas } from "./ProblemSchemas.ts"
import { restricted, Staff, StaffOnly } from "./Staff.ts"

/** An approval as the admin API shows it. */
export const ApprovalView = Schema.Struct({
  id: Schema.String,
  status: Schema.Literals(approvalStatuses),
  /** It can no longer be decided or used, whatever its status says. */
  expired: Schema.Boolean,
  action: Schema.String,
  customer_id: Schema.String,
  resource: Schema.String,
  method: Schema.String,
  agent_id: Schema.NullOr(Schema.String),
  requested_by: Schema.String,
  requested_at: Instant,
  expires_at: Instant,
  correlation_id: Schema.String,
  decided_by: Schema.NullOr(Schema.String),
  decided_at: Schema.NullOr(Instant),
  decision_reason: Schema.NullOr(Schema.String),
  consumed_at: Schema.NullOr(Instant),
})

const deciding = {
  params: { id: Schema.String },
  payload: Schema.Struct({ reason: Reason }),
  success: ApprovalView,
  error: [
    ...commonProblems,
    problemSchemas["not-found"],
    problemSchemas["conflict"],
    problemSchemas["payload-too-large"],
  ],
} as const

/** What customers wait for a Governor to decide (SPEC 5). */
export const approvals = HttpApiGroup.make("approvals")
  .add(
    HttpApiEndpoint.get("list", "/_gateway/approvals", {
      query: {
        status: Schema.optionalKey(Schema.Literals(approvalStatuses)),
        limit: Schema.optionalKey(Limit),
      },
      success: Schema.Struct({ approvals: Schema.Array(ApprovalView) }),
      error: commonProblems,
    }).annotateMerge(restricted("approvals.read", "The newest first, 50 unless `limit` says otherwise")),
    HttpApiEndpoint.get("read", "/_gateway/approvals/:id", {
      params: { id: Schema.String },
      success: ApprovalView,
      error: [...commonProblems, problemSchemas["not-found"]],
    }).annotateMerge(restricted("approvals.read", "One approval")),
    HttpApiEndpoint.post("approve", "/_gateway/approvals/:id/approve", deciding).annotateMerge(
      restricted("approvals.decide", "Approve it, as a Governor who did not ask for it"),
    ),
    HttpApiEndpoint.post("deny", "/_gateway/approvals/:id/deny", deciding).annotateMerge(
      restricted("approvals.decide", "Deny it, as a Governor who did not ask for it"),
    ),
  )
  .middleware(StaffOnly)

/** The handlers of the group, over the port. */
export const layer = HttpApiBuilder.group(
  adminBase.add(approvals),
  "approvals",
  Effect.fnUntraced(function* (handlers) {
    const port = yield* Approvals
    const { record } = yield* AuditLog

    const find = Effect.fnUntraced(function* (id: string) {
      const found = yield* available(port.find(id))
      return Option.isSome(found) ? found.value : yield* noSuch
    })

    const decide = Effect.fnUntraced(function* (id: string, approve: boolean, reason: string) {
      const { identity, correlationId, deny } = yield* Staff
      const { customerId, action, resource, requestedBy } = yield* find(id)
      if (requestedBy === identity.userId) {
        return yield* deny("You asked for this approval, so another Governor has to decide it.")
      }
      const onRecord = record({
        kind: "security",
        name: approve ? "approval_approved" : "approval_denied",
        severity: "INFO",
        correlationId: Option.some(correlationId),
        userId: Option.some(identity.userId),
        customerId: Option.some(customerId),
        details: {
          approval_id: id,
          action,
          resource,
          requested_by: requestedBy,
          reason,
          governor_agent_id: Option.getOrNull(identity.governorAgentId),
        },
      })
      const outcome = yield* available(port.decide({ id, approve, by: identity.userId, reason })).pipe(
        Effect.tap((it) => (it === "decided" ? onRecord : Effect.void)),
        // What is decided is on record, also when the caller has gone away meanwhile.
        Effect.uninterruptible,
      )
      switch (outcome) {
        case "decided":
          return viewOf(yield* find(id), yield* Clock.currentTimeMillis)
        case "not-found":
          return yield* noSuch
        case "already-decided":
          return yield* conflict("This approval was decided already. Read it to see by whom and how.")
        case "expired":
          return yield* conflict("This approval expired undecided. What it was for has to be asked for anew.")
      }
    })

    return handlers
      .handle("list", ({ query: { status, limit = 50 } }) =>
        Effect.gen(function* () {
          const found = yield* available(port.list({ status: Option.fromUndefinedOr(status), limit }))
          const now = yield* Clock.currentTimeMillis
          return { approvals: found.map((approval) => viewOf(approval, now)) }
        }).pipe(Effect.orDie),
      )
      .handle("read", ({ params }) =>
        Effect.gen(function* () {
          return viewOf(yield* find(params.id), yield* Clock.currentTimeMillis)
        }).pipe(Effect.orDie),
      )
      .handle("approve", ({ params, payload }) => Effect.orDie(decide(params.id, true, payload.reason)))
      .handle("deny", ({ params, payload }) => Effect.orDie(decide(params.id, false, payload.reason)))
  }),
)

const viewOf = (approval: Approval, now: number): typeof ApprovalView.Type => ({
  id: approval.id,
  status: approval.status,
  expired: now >= approval.expiresAt && approval.status !== "denied" && approval.status !== "consumed",
  action: approval.action,
  customer_id: approval.customerId,
  resource: approval.resource,
  method: approval.method,
  agent_id: Option.getOrNull(approval.agentId),
  requested_by: approval.requestedBy,
  requested_at: instantOf(approval.requestedAt),
  expires_at: instantOf(approval.expiresAt),
  correlation_id: approval.correlationId,
  decided_by: Option.getOrNull(approval.decidedBy),
  decided_at: Option.getOrNull(Option.map(approval.decidedAt, instantOf)),
  decision_reason: Option.getOrNull(approval.decisionReason),
  consumed_at: Option.getOrNull(Option.map(approval.consumedAt, instantOf)),
})

const noSuch = new Problem({ slug: "not-found", detail: "There is no approval with this id." })

const conflict = (detail: string): Problem => new Problem({ slug: "conflict", detail })

const available = <A, R>(effect: Effect.Effect<A, ApprovalsUnavailable, R>): Effect.Effect<A, Problem, R> =>
  Effect.mapError(effect, approvalsAway)
