import { Context, type Effect, type Option } from "effect"
import type { PortalId } from "../portals/Portal.ts"

/** One request on which the two policies disagreed. Of the caller it says the roles alone. */
export interface Disagreement {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly portal: PortalId
  readonly method: string
  /** The route's template. */
  readonly route: string
  readonly roles: ReadonlyArray<string>
  /** `allow:production`, `allow:sandbox`, or `deny:` and the first reason's code. */
  readonly active: string
  /** The same, or `failed:` and why the second policy gave no decision. */
  readonly shadow: string
}

/** What the second policy would have done (SPEC 6), in this process. */
export interface ShadowFindings {
  /** Of the second policy. */
  readonly revision: string | undefined
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Decisions that were compared. */
  readonly sampled: number
  readonly disagreements: number
  /** Disagreements by what the two said, such as `allow:production -> deny:permission-denied`. */
  readonly byRule: Readonly<Record<string, number>>
  /** The newest first; the last few alone. */
  readonly examples: ReadonlyArray<Disagreement>
}

/** What shadow mode has found so far; none where there is no second policy. */
export class ShadowReport extends Context.Service<
  ShadowReport,
  { readonly read: Effect.Effect<Option.Option<ShadowFindings>> }
>()("gateway/policy/ShadowReport") {}
