import { Option } from "effect"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import { Problem } from "../http/Problems.ts"
import type { Match } from "../http/Routes.ts"
import { pinPath } from "../http/TenantPin.ts"

/**
 * What a request acts on: the canonical path as it goes upstream. Where that has the customer pinned (SPEC 13), an
 * approval of the client's own spelling would be one of something else than is done.
 */
export const resourceOf = (path: string, { portal, customerId }: Identity, { route }: Match): string => {
  const pin = portal === "CP" ? route.cp?.pin : undefined
  if (pin?.in !== "path") return path
  // A CP token without a customer is refused by Auth.
  const pinned = pinPath(path, route.template, pin.param, Option.getOrThrow(customerId))
  // Nothing goes upstream then.
  return pinned instanceof Problem ? path : pinned
}
