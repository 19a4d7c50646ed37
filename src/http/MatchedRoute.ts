import { Fact } from "./Fact.ts"
import type { Match } from "./Routes.ts"

/** The route of an admitted request. Established by `Admission`. */
export interface MatchedRoute {
  readonly _: unique symbol
}
export const MatchedRoute = new Fact<MatchedRoute, Match>("gateway/http/MatchedRoute")
