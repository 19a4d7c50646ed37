import { Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { listed, reason } from "./Bounds.ts"
import { problemSchemas } from "./ProblemSchemas.ts"

/**
 * What every group of the admin API is added to (SPEC 18). A member or a parameter that it does not know is refused:
 * a misspelt one must not look as if it had an effect.
 */
export const adminBase = HttpApi.make("gateway-admin")
  .annotate(HttpApi.PayloadParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(HttpApi.QueryParseOptions, { errors: "all", onExcessProperty: "error" })

/** What each of its routes may answer with. */
export const commonProblems = [
  problemSchemas["bad-request"],
  problemSchemas["unauthorized"],
  problemSchemas["permission-denied"],
  problemSchemas["service-unavailable"],
] as const

/** A point in time as ISO 8601 in UTC. */
export const Instant = Schema.String.annotate({ format: "date-time" })

/** Writes milliseconds since the epoch as an `Instant`. */
export const instantOf = (millis: number): string => new Date(millis).toISOString()

/** Why somebody does something, for the record. */
export const Reason = Schema.String.check(Schema.isPattern(reason.pattern, { expected: reason.expected }))

/** How much of a list is asked for, in a query. */
export const Limit = Schema.FiniteFromString.pipe(Schema.decodeTo(Schema.Int.check(Schema.isBetween(listed))))
