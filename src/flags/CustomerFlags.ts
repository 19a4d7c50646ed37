import type { Option } from "effect"

/** Which of the inner layers a customer's requests pass. There is none for auth: the token is always verified. */
export interface Middleware {
  readonly rbac: boolean
  readonly policy: boolean
  readonly budget: boolean
}

/** What a customer has who is enrolled by cohort or by default: everything the portal has. */
export const allMiddleware: Middleware = { rbac: true, policy: true, budget: true }

/** A row of `gateway_feature_flags` (SPEC 11). */
export interface CustomerFlags {
  readonly customerId: string
  /** False: the customer's requests go to the direct integration. */
  readonly gatewayEnabled: boolean
  /** A layer is off only where the row says `false`; what it leaves out is on. */
  readonly middleware: Middleware
  /** A label for reports: the row decides whatever cohort it names. */
  readonly rolloutCohort: Option.Option<string>
  /** Milliseconds since the epoch, by the database's clock. */
  readonly updatedAt: number
  readonly updatedBy: string
  /** Opaque; another after each change of the row. Who writes says which they have read. */
  readonly version: string
}
