import { Option } from "effect"
import type { Identity } from "../../src/auth/ConstitutionalContext.ts"

/** A customer who pays, with what a test changes. */
export const customer = (changes: Partial<Identity> = {}): Identity => ({
  portal: "CP",
  userId: "user-1",
  email: "user-1@customer-1.example",
  customerId: Option.some("customer-1"),
  roles: ["customer"],
  isGovernor: false,
  trial: false,
  trialExpiresAt: Option.none(),
  agentId: Option.none(),
  governorAgentId: Option.none(),
  tokenId: Option.none(),
  tokenVersion: Option.none(),
  issuedAt: 0,
  expiresAt: 0,
  ...changes,
})

/** A member of staff who may only look. */
export const staff = (changes: Partial<Identity> = {}): Identity =>
  customer({ portal: "PP", userId: "staff-1", customerId: Option.none(), roles: ["viewer"], ...changes })
