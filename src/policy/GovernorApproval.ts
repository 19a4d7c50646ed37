import { Clock, Effect, Option } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { ExchangeShape } from "../http/Exchange.ts"
import type { Problem } from "../http/Problems.ts"
import { agentOf } from "./AgentOf.ts"
import { type Approval, Approvals } from "./Approvals.ts"
import type { Asking, AskPolicy } from "./AskPolicy.ts"
import type { Reason } from "./Decision.ts"
import { approvalRequired, approvalsAway, codesOf, type Reasons, severalApprovals } from "./PolicyRefusals.ts"
import { resourceOf } from "./ResourceOf.ts"

type ApprovalReason = Extract<Reason, { readonly code: "approval-required" }>

/**
 * How the policy stage deals with approvals (SPEC 5). Made once, at start. While their store is away it fails with
 * 503 `service-unavailable`: what needs an approval does not pass without one.
 */
export const makeGovernorApproval = Effect.fnUntraced(function* ({ deny, refuse }: AskPolicy) {
  const approvals = yield* Approvals
  const { uiUrl, ttlSeconds } = (yield* GatewayConfig).approvals
  const clock = yield* Clock.Clock

  /** Records the approval that is to be asked for, and refuses with it. */
  const refuseWith = (asking: Asking, reasons: Reasons, objection: string): Effect.Effect<never, Problem> => {
    const { exchange, identity, match, ids } = asking
    const action = match.route.cp?.action
    if (action === undefined) return deny(asking, reasons)
    return approvals
      .open({
        action,
        customerId: customerOf(asking),
        resource: resourceOf(exchange.path, identity, match),
        method: exchange.method,
        agentId: agentOf(identity, match),
        requestedBy: identity.userId,
        correlationId: ids.correlationId,
        expiresAt: clock.currentTimeMillisUnsafe() + ttlSeconds * 1000,
      })
      .pipe(
        Effect.mapError(approvalsAway),
        Effect.flatMap((approval) =>
          refuse(asking, approvalRequired({ approval, objection, uiUrl, reasons: codesOf(reasons) })),
        ),
      )
  }

  return {
    /** The approval that `X-Approval-Id` names; null when it names none that is there. */
    find: ({ request }: ExchangeShape): Effect.Effect<Approval | null, Problem> => {
      const [id, ...more] = request.headersDistinct[approvalHeader] ?? []
      if (id === undefined) return Effect.succeed(null)
      return more.length > 0
        ? Effect.fail(severalApprovals())
        : Effect.mapBoth(approvals.find(id), { onFailure: approvalsAway, onSuccess: Option.getOrNull })
    },

    /** Refuses because nothing was sent that counts; `sent` is what `find` found. */
    require: (asking: Asking, reasons: Reasons, reason: ApprovalReason, sent: Approval | null) => {
      const named = asking.exchange.request.headers[approvalHeader] !== undefined
      return refuseWith(asking, reasons, objectionTo(reason, named ? sent : undefined))
    },

    /** Uses the approval up, or refuses: it passes one request. */
    spend: (asking: Asking, sent: Approval | null): Effect.Effect<void, Problem> => {
      const action = asking.match.route.cp?.action
      const spent =
        sent === null || action === undefined
          ? Effect.succeed(false)
          : approvals.consume({
              id: sent.id,
              customerId: customerOf(asking),
              action,
              resource: resourceOf(asking.exchange.path, asking.identity, asking.match),
            })
      return spent.pipe(
        Effect.mapError(approvalsAway),
        Effect.flatMap((done) =>
          done ? Effect.void : refuseWith(asking, [{ ...usedUp, action: action ?? null }], wasUsedUp),
        ),
      )
    },
  }
})

const approvalHeader = "x-approval-id"

/** A CP token without a customer is refused by Auth. */
const customerOf = ({ identity }: Asking): string => Option.getOrThrow(identity.customerId)

/** Why what was sent does not count: null is an approval that is not there, undefined that none was sent. */
const objectionTo = ({ approval: state }: ApprovalReason, sent: Approval | null | undefined): string => {
  if (sent === undefined) return "A Governor has to approve this act first."
  if (state === "expired") return "The approval that was sent has expired."
  // Another customer's approval and none at all are answered alike.
  return state === "not-approved" && sent !== null
    ? `The approval that was sent is ${sent.status}.`
    : "The approval that was sent is not for this act."
}

const usedUp = { code: "approval-required", approval: "not-approved" } as const
const wasUsedUp = "The approval that was sent was used already, or has expired."
