import { Fact } from "../http/Fact.ts"
import type { Allowed } from "./Decision.ts"
import type { Verdict } from "./Policy.ts"

export interface AllowedVerdict extends Verdict {
  readonly decision: Allowed
}

/** That the policies let a request pass, and what they oblige it to. Established by `Rbac` on PP and `Policy` on CP. */
export interface Ruling {
  readonly _: unique symbol
}
export const Ruling = new Fact<Ruling, AllowedVerdict>("gateway/policy/Ruling")
