import type { ApprovalClaim, DecisionRequest } from "../../src/policy/Decision.ts"

/** The requests that tests of the engines start from; each passes every policy, but for `sensitive`. */
export const now = 1_780_000_000_000
export const later = now + 60_000

/** A customer who pays, on a route without an action. */
export const customer: DecisionRequest = {
  portal: "CP",
  subject: "user-1",
  customer_id: "customer-1",
  roles: ["customer"],
  is_governor: false,
  trial: { mode: false, expires_at: null },
  method: "POST",
  route: "/api/v1/agents/{id}/execute",
  resource: "/api/v1/agents/agent-1/execute",
  permission: null,
  action: null,
  closed_to_trials: false,
  agent_id: "agent-1",
  now,
  approval: null,
}

export const trial: DecisionRequest = { ...customer, trial: { mode: true, expires_at: later } }

/** A customer about to do something that a Governor has to approve. */
export const sensitive: DecisionRequest = {
  ...customer,
  action: "agent.create",
  route: "/api/v1/agents",
  resource: "/api/v1/agents",
  agent_id: null,
}

/** The approval of exactly that. */
export const approval: ApprovalClaim = {
  status: "approved",
  action: "agent.create",
  customer_id: "customer-1",
  resource: "/api/v1/agents",
  expires_at: later,
}

/** A member of staff on a route that every role may use. */
export const staff: DecisionRequest = {
  ...customer,
  portal: "PP",
  subject: "staff-1",
  customer_id: null,
  roles: ["viewer"],
  method: "GET",
  route: "/api/v1/agents",
  resource: "/api/v1/agents",
  permission: "agent.view",
  agent_id: null,
}

/** What no caller's type allows, and a fault of ours could send all the same. */
export const malformed = (input: unknown): DecisionRequest => input as DecisionRequest
