import { Option } from "effect"
import { Problem } from "../http/Problems.ts"
import type { Approval } from "./Approvals.ts"
import type { Denied, Reason } from "./Decision.ts"

/** Every objection, the one that is answered with first. */
export type Reasons = Denied["reasons"]

export const codesOf = (reasons: Reasons): ReadonlyArray<Reason["code"]> => reasons.map(({ code }) => code)

/**
 * The refusals of SPEC 4 and 5: how a denial is answered. The first reason decides; `reasons` lists the codes of all.
 *
 * An approval that can be asked for is answered with `approvalRequired` instead; here nobody can be asked.
 */
export const refusalOf = (objections: Reasons, upgradeUrl: string): Problem => {
  const [reason] = objections
  const reasons = codesOf(objections)
  switch (reason.code) {
    case "permission-denied":
      return new Problem({
        slug: "permission-denied",
        detail:
          reason.permission === null
            ? "This route has no permission entry, so nobody may use it."
            : `This needs the permission ${reason.permission}.`,
        extensions: { permission: reason.permission, required_roles: reason.required_roles, reasons },
      })
    case "trial-expired":
      return new Problem({
        slug: "trial-expired",
        detail: "The trial has ended.",
        extensions: { upgrade_url: upgradeUrl, reasons },
      })
    case "trial-expiry-missing":
      return new Problem({
        slug: "trial-expired",
        detail: "It is not known when the trial ends, so it is taken to have ended.",
        extensions: { upgrade_url: upgradeUrl, reasons },
      })
    case "trial-closed-route":
      return new Problem({
        slug: "permission-denied",
        detail: "This route is closed to trials.",
        extensions: { upgrade_url: upgradeUrl, reasons },
      })
    case "approval-required":
      return new Problem({
        slug: "approval-required",
        detail: "A Governor has to approve this, but no approval can be asked for here.",
        extensions: { action: reason.action, reasons },
      })
    case "malformed-input":
      return new Problem({
        slug: "permission-denied",
        detail: "The gateway could not say clearly enough what is asked for, so it is not allowed.",
        extensions: { reasons },
      })
  }
}

/** The act needs an approval, and this is the one to have approved (SPEC 5). */
export const approvalRequired = (asked: {
  readonly approval: Approval
  /** Why what the request brought along does not do. */
  readonly objection: string
  readonly uiUrl: string
  readonly reasons: ReadonlyArray<Reason["code"]>
}): Problem => {
  const { approval, objection, uiUrl, reasons } = asked
  const url = new URL(uiUrl)
  url.searchParams.set("request_id", approval.id)
  url.searchParams.set("action", approval.action)
  return new Problem({
    slug: "approval-required",
    detail: `${objection} Once request_id is approved, repeat the request with it as X-Approval-Id.`,
    headers: {
      "x-governor-approval-required": "true",
      "x-governor-action": approval.action,
      // A header holds no character beyond Latin-1, and an id may.
      ...(Option.isSome(approval.agentId)
        ? { "x-governor-agent-id": encodeURI(approval.agentId.value) }
        : {}),
    },
    extensions: { action: approval.action, request_id: approval.id, approval_url: url.href, reasons },
  })
}

/** The trial's tasks of the day are used up (SPEC 5). Times in milliseconds since the epoch. */
export const trialLimitExceeded = (used: {
  readonly count: number
  readonly limit: number
  readonly now: number
  readonly resetAt: number
  readonly upgradeUrl: string
}): Problem =>
  new Problem({
    slug: "trial-limit-exceeded",
    detail: `A trial may create ${used.limit} tasks a day (UTC), and today's are used up.`,
    headers: { "retry-after": String(Math.ceil((used.resetAt - used.now) / 1000)) },
    extensions: {
      task_count: used.count,
      limit: used.limit,
      reset_at: new Date(used.resetAt).toISOString(),
      upgrade_url: used.upgradeUrl,
    },
  })

const unavailable = (detail: string, cause: unknown): Problem =>
  new Problem({ slug: "service-unavailable", detail, headers: { "retry-after": "1" }, cause })

export const approvalsAway = (cause: unknown): Problem =>
  unavailable("Approvals cannot be read or recorded now.", cause)

export const trialTasksAway = (cause: unknown): Problem =>
  unavailable("The trial's tasks cannot be counted now.", cause)

/** Two readers of two values could each believe another. */
export const severalApprovals = (): Problem =>
  new Problem({ slug: "bad-request", detail: "Send one X-Approval-Id, not several." })
