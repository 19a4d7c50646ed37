import { Option } from "effect"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import type { Match } from "../http/Routes.ts"

/**
 * The agent of a request (SPEC 7): the token's `agent_id`, else the `{id}` of an `agents/...` route, else none.
 *
 * The segment is decoded, for a path can spell one agent in several ways (`a:1`, `a%3A1`), and each would have a
 * budget of its own. A canonical path can always be decoded.
 */
export const agentOf = ({ agentId }: Identity, { route, params }: Match): Option.Option<string> => {
  if (Option.isSome(agentId)) return agentId
  const { id } = params
  return id !== undefined && route.template.startsWith("/api/v1/agents/{id}")
    ? Option.some(decodeURIComponent(id))
    : agentId
}
