import { Clock, Effect, Layer, Option } from "effect"
import type { SqlError } from "effect/sql"
import { hash } from "node:crypto"
import type { Action } from "../../src/policy/Action.ts"
import {
  type Approval,
  type ApprovalRequest,
  Approvals,
  ApprovalsUnavailable,
  type ApprovalStatus,
  type DecideOutcome,
} from "../../src/policy/Approvals.ts"
import { Database } from "./Database.ts"

/** The columns that are read; the table's checks hold the types that are unions. */
interface Row {
  readonly id: string
  readonly action: Action
  readonly customer_id: string
  readonly resource: string
  readonly method: string
  readonly agent_id: string | null
  readonly requested_by: string
  readonly correlation_id: string
  readonly requested_at: Date
  readonly expires_at: Date
  readonly status: ApprovalStatus
  readonly decided_at: Date | null
  readonly decided_by: string | null
  readonly decision_reason: string | null
  readonly consumed_at: Date | null
}

/**
 * Approvals in PostgreSQL. Each method is one statement, so that whatever instances do at once happens in some order.
 *
 * Time is the gateway's clock and not the server's, for one clock has to rule what is asked, decided and tested. The
 * clocks of several instances differ by less than matters to what lives for hours.
 */
export const layer = Layer.effect(
  Approvals,
  Effect.gen(function* () {
    const { sql, ask } = yield* Database
    const columns = sql.literal(
      "id, action, customer_id, resource, method, agent_id, requested_by, correlation_id, requested_at, expires_at, " +
        "status, decided_at, decided_by, decision_reason, consumed_at",
    )
    /** Asks as of now. */
    const rowsOf = <A>(statement: (now: Date) => Effect.Effect<ReadonlyArray<A>, SqlError.SqlError>) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => ask(statement(new Date(now)))).pipe(
        Effect.mapError((cause) => new ApprovalsUnavailable({ cause })),
      )

    return Approvals.of({
      open: (request) => {
        const wish = digestOf(request)
        return rowsOf(
          // An expired one makes room first, because the insert reads from it. Who meets what another has inserted
          // meanwhile updates it to what it is: only so is it given back, whatever the snapshot shows.
          (now) => sql<Row>`
            WITH expired AS (
              UPDATE gateway_approvals SET wish = NULL
              WHERE wish = ${wish} AND status = 'pending' AND expires_at <= ${now}
              RETURNING id
            )
            INSERT INTO gateway_approvals (wish, action, customer_id, resource, method, agent_id, requested_by,
              correlation_id, requested_at, expires_at)
            SELECT ${wish}, ${request.action}, ${request.customerId}, ${request.resource}, ${request.method},
              ${Option.getOrNull(request.agentId)}, ${request.requestedBy}, ${request.correlationId}, ${now},
              ${new Date(request.expiresAt)}
            FROM (SELECT count(*) FROM expired) AS room
            ON CONFLICT (wish) WHERE status = 'pending' DO UPDATE SET wish = excluded.wish
            RETURNING ${columns}`,
        ).pipe(
          Effect.flatMap(([row]) =>
            row === undefined
              ? Effect.die(new Error("An INSERT that cannot do nothing has returned nothing."))
              : Effect.succeed(approvalOf(row)),
          ),
        )
      },

      find: (id) =>
        isUuid(id)
          ? Effect.map(
              rowsOf(() => sql<Row>`SELECT ${columns} FROM gateway_approvals WHERE id = ${id}`),
              ([row]) => Option.map(Option.fromUndefinedOr(row), approvalOf),
            )
          : Effect.succeedNone,

      list: ({ status, limit }) =>
        Effect.map(
          rowsOf(() => {
            const wanted = Option.isSome(status) ? sql`WHERE status = ${status.value}` : sql.literal("")
            return sql<Row>`
              SELECT ${columns} FROM gateway_approvals ${wanted} ORDER BY requested_at DESC, id DESC LIMIT ${limit}`
          }),
          (rows) => rows.map(approvalOf),
        ),

      decide: ({ id, approve, by, reason }) =>
        isUuid(id)
          ? Effect.map(
              // The SELECT sees the row as it was before: who finds it open there and did not decide it came second.
              rowsOf(
                (now) => sql<{ readonly outcome: DecideOutcome }>`
                  WITH decided AS (
                    UPDATE gateway_approvals
                    SET status = ${approve ? "approved" : "denied"}, decided_at = ${now}, decided_by = ${by},
                      decision_reason = ${withoutNul(reason)}
                    WHERE id = ${id} AND status = 'pending' AND expires_at > ${now}
                    RETURNING id
                  )
                  SELECT CASE
                    WHEN EXISTS (SELECT FROM decided) THEN 'decided'
                    WHEN status = 'pending' AND expires_at <= ${now} THEN 'expired'
                    ELSE 'already-decided'
                  END AS outcome
                  FROM gateway_approvals WHERE id = ${id}`,
              ),
              ([row]) => row?.outcome ?? "not-found",
            )
          : Effect.succeed("not-found"),

      consume: ({ id, customerId, action, resource }) =>
        isUuid(id)
          ? Effect.map(
              rowsOf(
                (now) => sql`
                  UPDATE gateway_approvals SET status = 'consumed', consumed_at = ${now}
                  WHERE id = ${id} AND status = 'approved' AND expires_at > ${now}
                    AND customer_id = ${customerId} AND action = ${action} AND resource = ${resource}
                  RETURNING id`,
              ),
              (rows) => rows.length === 1,
            )
          : Effect.succeed(false),
    })
  }),
)

/** PostgreSQL takes other spellings too, and fails for what is none. */
const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** The one character that PostgreSQL cannot keep. */
const withoutNul = (text: string): string => text.replaceAll("\0", "")

/** Equal for equal wishes of one person. A digest, because a path may be longer than an index takes. */
const digestOf = ({ action, customerId, resource, method, agentId, requestedBy }: ApprovalRequest) =>
  hash(
    "sha256",
    JSON.stringify([action, customerId, resource, method, Option.getOrNull(agentId), requestedBy]),
    "buffer",
  )

const approvalOf = (row: Row): Approval => ({
  id: row.id,
  action: row.action,
  customerId: row.customer_id,
  resource: row.resource,
  method: row.method,
  agentId: Option.fromNullOr(row.agent_id),
  requestedBy: row.requested_by,
  correlationId: row.correlation_id,
  requestedAt: row.requested_at.getTime(),
  expiresAt: row.expires_at.getTime(),
  status: row.status,
  decidedAt: instantOf(row.decided_at),
  decidedBy: Option.fromNullOr(row.decided_by),
  decisionReason: Option.fromNullOr(row.decision_reason),
  consumedAt: instantOf(row.consumed_at),
})

const instantOf = (date: Date | null) => Option.map(Option.fromNullOr(date), (some) => some.getTime())
