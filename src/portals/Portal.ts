/**
 * A portal is one of the two front doors: CP for customers, PP for platform staff.
 *
 * What differs between them is written in `Cp.ts` and `Pp.ts`; everything else is shared.
 */
export type PortalId = "CP" | "PP"

/** The facts that tell one portal from the other (SPEC 2 and 3). */
export interface Portal {
  readonly id: PortalId
  /** Path prefix that selects the portal when both are served on one host name. */
  readonly prefix: string
  /** Known roles with their level; an unknown role in a token makes the token invalid. */
  readonly roles: ReadonlyMap<string, number>
  /** What a token without a `trial_mode` claim means. */
  readonly trialModeWhenAbsent: boolean
  /** Whether a token must name a customer. */
  readonly customerRequired: boolean
}
