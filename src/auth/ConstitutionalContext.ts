import type { Option } from "effect"
import { Fact } from "../http/Fact.ts"
import type { PortalId } from "../portals/Portal.ts"

/** Who calls, as the verified token says. Established by `Auth`; nothing a client header says is in it (SPEC 3). */
export interface Identity {
  readonly portal: PortalId
  readonly userId: string
  readonly email: string
  /** Absent for staff who belong to no customer. */
  readonly customerId: Option.Option<string>
  readonly roles: ReadonlyArray<string>
  /** Role `governor`, or role `admin` with a `governor_agent_id`. */
  readonly isGovernor: boolean
  readonly trial: boolean
  /** Milliseconds since the epoch; present when in trial. */
  readonly trialExpiresAt: Option.Option<number>
  readonly agentId: Option.Option<string>
  /** The agent through which this person governs. */
  readonly governorAgentId: Option.Option<string>
  /** `jti`. */
  readonly tokenId: Option.Option<string>
  /** Rises when all of the user's tokens are renewed; compared with what `Revocations` knows. */
  readonly tokenVersion: Option.Option<number>
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
}
export interface ConstitutionalContext {
  readonly _: unique symbol
}
export const ConstitutionalContext = new Fact<ConstitutionalContext, Identity>(
  "gateway/auth/ConstitutionalContext",
)
