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

/** The switches whose middleware this version does not have: on, they would promise what nothing keeps. */
export const notBuilt = {
  ENABLE_BUDGET_MIDDLEWARE: "budget",
  ENABLE_AUDIT_MIDDLEWARE: "audit",
  ENABLE_WEBSOCKET_MIDDLEWARE: "websocket",
} as const satisfies Record<string, keyof Switches>
