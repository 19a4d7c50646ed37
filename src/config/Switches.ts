/** The seven switches of rollback tier 1 (SPEC 11). Each chooses, at start, a middleware's Layer or its pass-through. */
export interface Switches {
  readonly auth: boolean
  readonly rbac: boolean
  readonly policy: boolean
  readonly budget: boolean
  readonly audit: boolean
  readonly errors: boolean
  readonly websocket: boolean
}
