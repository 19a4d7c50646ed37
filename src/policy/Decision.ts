import type { PortalId } from "../portals/Portal.ts"
import type { Action } from "./Action.ts"

/**
 * What the policies are asked: one request, as the verified token and the route table say it is. The names are those
 * of the policies' input, which `policies/decision.rego` describes.
 */
export interface DecisionRequest {
  readonly portal: PortalId
  readonly subject: string
  /** Null only on PP. */
  readonly customer_id: string | null
  readonly roles: ReadonlyArray<string>
  readonly is_governor: boolean
  /** `expires_at` in milliseconds since the epoch. */
  readonly trial: { readonly mode: boolean; readonly expires_at: number | null }
  readonly method: string
  /** The route's template. */
  readonly route: string
  /** What an approval is bound to: the canonical path. */
  readonly resource: string
  /** The permission on PP, `signed-in` where any role will do; null where the route has none, and on CP. */
  readonly permission: string | null
  readonly action: Action | null
  readonly closed_to_trials: boolean
  /** The agent whose budget pays. */
  readonly agent_id: string | null
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly approval: ApprovalClaim | null
}

/** What is known of the approval that a request came with; the policies judge whether it counts. */
export interface ApprovalClaim {
  readonly status: string
  readonly action: string
  readonly customer_id: string
  readonly resource: string
  /** Milliseconds since the epoch. */
  readonly expires_at: number
}

/** Why a request may not pass. */
export type Reason =
  | { readonly code: "malformed-input"; readonly fields: ReadonlyArray<string> }
  | {
      readonly code: "permission-denied"
      readonly permission: string | null
      readonly required_roles: ReadonlyArray<string>
    }
  | { readonly code: "trial-expiry-missing" }
  | { readonly code: "trial-expired"; readonly expires_at: number }
  | { readonly code: "trial-closed-route" }
  | {
      readonly code: "approval-required"
      readonly action: string | null
      readonly approval: "missing" | "for-another-request" | "not-approved" | "expired"
    }

/** What an allowed request owes. */
export interface Obligations {
  readonly target_backend: "production" | "sandbox"
  /** It passes only if its approval can still be consumed. */
  readonly consume_approval: boolean
  /** Its approval lifts the agent's daily budget. */
  readonly budget_override: boolean
  /** On PP the highest level of the caller's roles. */
  readonly role_level: number | null
}

interface Common {
  readonly permission: string | null
  /** The roles that have the permission, if the caller has none of them. */
  readonly required_roles: ReadonlyArray<string>
  /** Whether it holds for every request with the same key, and when time alone may change it (ms since the epoch). */
  readonly cache: { readonly allowed: boolean; readonly until: number | null }
}
export interface Allowed extends Common {
  readonly allow: true
  readonly reasons: readonly []
  readonly obligations: Obligations
}
export interface Denied extends Common {
  readonly allow: false
  /** Every objection, the one to answer with first; never empty. */
  readonly reasons: readonly [Reason, ...ReadonlyArray<Reason>]
  readonly obligations: Readonly<Record<string, never>>
}
/** What the policies say of one request (SPEC 5): data, turned into HTTP in one place. */
export type Decision = Allowed | Denied
