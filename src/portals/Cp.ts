import type { Portal } from "./Portal.ts"

/** The customers' portal. A token that does not say otherwise belongs to a trial customer (SPEC 3). */
export const Cp: Portal = {
  id: "CP",
  prefix: "/cp",
  roles: new Map([
    ["customer", 1],
    ["customer_user", 1],
    ["customer_admin", 2],
    ["governor", 3],
  ]),
  trialModeWhenAbsent: true,
  customerRequired: true,
}
