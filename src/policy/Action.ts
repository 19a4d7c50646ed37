/** The sensitive acts that need a Governor's approval on CP (SPEC 5). */
export type Action =
  | "agent.create"
  | "agent.delete"
  | "execution.external"
  | "budget.override"
  | "system.configuration"
  | "customer.delete"
  | "data.export"
  | "billing.update"
  | "subscription.change"
