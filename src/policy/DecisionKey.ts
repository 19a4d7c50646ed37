import { hash } from "node:crypto"
import type { DecisionRequest } from "./Decision.ts"

/** Whether anything may be remembered of the request: nothing that an approval could change is (SPEC 6). */
export const isRememberable = (request: DecisionRequest): boolean =>
  request.action === null && request.approval === null

/**
 * What a decision depends on, as one text: two requests that a policy could tell apart have different keys, and so
 * have two revisions of the policy.
 *
 * It holds the whole input but three fields: all that counts of `now` is in the decision's `cache.until`, and a
 * request with an `action` or an `approval` is not rememberable. SPEC 6 names less; but two tokens of one user may
 * differ in the end of the trial, in a Governor's standing or in the agent, and the policies may read those.
 *
 * JSON, because it cannot be taken apart in two ways whatever the fields hold.
 */
export const decisionKey = (revision: string | undefined, request: DecisionRequest): string => {
  const { portal, subject, customer_id, roles, is_governor, trial, method, route, resource } = request
  const { permission, closed_to_trials, agent_id } = request
  return JSON.stringify([
    revision ?? null,
    portal,
    subject,
    customer_id,
    // The policies read roles as a set.
    roles.toSorted(),
    is_governor,
    trial.mode,
    trial.expires_at,
    method,
    route,
    resource,
    permission,
    closed_to_trials,
    agent_id,
  ])
}

/** The name under which instances share what is known of a key: a digest, so that nobody's id is in Redis. */
export const sharedName = (key: string): string => hash("sha256", key, "base64url")

/**
 * The same for this process, where every request pays for it: a short text and a comparison are several times faster
 * than a long text.
 *
 * Two requests have the same key exactly when they have the same place and the same circumstances. A place is given
 * to what came last: one caller and one resource hardly ever have two circumstances at a time.
 */
export const placeOf = ({ method, subject, resource, agent_id }: DecisionRequest): string =>
  // With the lengths before them, no text can pass for another's end. (The method is compared, too.)
  `${method} ${subject.length} ${resource.length} ${subject}${resource}${agent_id === null ? "" : `+${agent_id}`}`

/** What a place leaves open. */
export type Circumstances = Pick<
  DecisionRequest,
  | "portal"
  | "customer_id"
  | "roles"
  | "is_governor"
  | "trial"
  | "method"
  | "route"
  | "permission"
  | "closed_to_trials"
>

/** Those of the request and nothing else of it: parts of a path would keep the whole URL in memory. */
export const circumstancesOf = ({
  portal,
  customer_id,
  roles,
  is_governor,
  trial,
  method,
  route,
  permission,
  closed_to_trials,
}: DecisionRequest): Circumstances => ({
  portal,
  customer_id,
  roles,
  is_governor,
  trial,
  method,
  route,
  permission,
  closed_to_trials,
})

export const areSame = (one: Circumstances, other: Circumstances): boolean =>
  one.route === other.route &&
  one.method === other.method &&
  one.portal === other.portal &&
  one.customer_id === other.customer_id &&
  one.is_governor === other.is_governor &&
  one.trial.mode === other.trial.mode &&
  one.trial.expires_at === other.trial.expires_at &&
  one.permission === other.permission &&
  one.closed_to_trials === other.closed_to_trials &&
  areSameRoles(one.roles, other.roles)

const areSameRoles = (ones: ReadonlyArray<string>, others: ReadonlyArray<string>): boolean => {
  // Those of a token that was seen before.
  if (ones === others) return true
  const sorted = others.toSorted()
  return ones.length === others.length && ones.toSorted().every((role, index) => role === sorted[index])
}
