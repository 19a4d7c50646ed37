import { Effect } from "effect"
import { Admin, engineer, staff } from "./AdminUnderTest.ts"

export const helpdesk = staff("helpdesk-1", ["helpdesk_agent"])
export const viewer = staff("viewer-1", ["viewer"])

/** Of a customer, or of an act upon their row. */
const path = (customerId: string, act = "") =>
  `/_gateway/flags/customer${act}?customer_id=${encodeURIComponent(customerId)}`

export const read = (customerId: string, caller = viewer) =>
  Admin.use(({ ask }) => ask(caller, { path: path(customerId) }))
export const get = (query: string, caller = viewer) =>
  Effect.map(
    Admin.use(({ ask }) => ask(caller, { path: `/_gateway/flags${query}` })),
    ({ json }) => json,
  )

export const wish = { gateway_enabled: true, reason: "They asked for it.", version: null }
export const write = (customerId: string, body: unknown = wish, caller = engineer) =>
  Admin.use(({ ask }) => ask(caller, { method: "PUT", path: path(customerId), body }))
export const act = (name: "disable" | "remove", customerId: string, body: unknown, caller = engineer) =>
  Admin.use(({ ask }) => ask(caller, { method: "POST", path: path(customerId, `/${name}`), body }))
export const disable = (customerId: string, caller = engineer) =>
  act("disable", customerId, { reason: "It answers nonsense." }, caller)

/** The row in an answer, or in a problem. */
export const rowIn = (json: Readonly<Record<string, unknown>>) =>
  // As the schema of the answer has it.
  json["row"] as Readonly<Record<string, unknown>> & { readonly version: string }
export const written = (customerId: string, body: unknown = wish) =>
  Effect.map(write(customerId, body), ({ json }) => rowIn(json))

export const all = { rbac: true, policy: true, budget: true }
