import { Option, Result, Schema, SchemaGetter, SchemaIssue } from "effect"
import type { Problem } from "../http/Problems.ts"
import type { Portal } from "../portals/Portal.ts"
import type { Identity } from "./ConstitutionalContext.ts"
import { invalidToken } from "./Refusals.ts"

/** What the claims are measured against. */
export interface ClaimRules {
  /** Seconds since the epoch. */
  readonly now: number
  /** `exp - iat` at most. */
  readonly maxLifetimeSeconds: number
  /** How far the issuer's clock may be ahead. */
  readonly leewaySeconds: number
}

/**
 * A value that goes upstream in a header or into a key: visible ASCII, blanks inside only. Control characters
 * would split headers, and an outer blank would vanish on the way so that two callers become one.
 */
const Visible = Schema.String.check(
  Schema.isPattern(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/),
  Schema.isMaxLength(256),
)

const iso8601 = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * Milliseconds since the epoch of an ISO 8601 date or date and time. Without an offset it is UTC: Plant writes
 * its times so. NaN for a day or an hour that does not exist; V8 alone would roll 30 February over into March.
 */
const toInstant = (text: string): number => {
  const [, date, time = "00:00", offset = "Z"] = iso8601.exec(text) ?? []
  const midnight = new Date(`${date}T00:00:00Z`)
  if (date === undefined || Number.isNaN(midnight.getTime())) return Number.NaN
  if (!midnight.toISOString().startsWith(date)) return Number.NaN
  const [, hours, minutes = "00"] = /^([+-]\d\d):?(\d\d)?$/.exec(offset) ?? []
  return Date.parse(`${date}T${time.replace(",", ".")}${hours === undefined ? "Z" : `${hours}:${minutes}`}`)
}
const Instant = Schema.String.pipe(
  Schema.decodeTo(Schema.Finite, {
    decode: SchemaGetter.transform(toInstant),
    encode: SchemaGetter.transform((ms: number) => new Date(ms).toISOString()),
  }),
)

/** The claims of SPEC 3 as they must be typed. Unknown ones are ignored, as RFC 7519 section 4 asks. */
const Claims = Schema.Struct({
  iss: Schema.String,
  sub: Visible,
  user_id: Visible,
  email: Visible,
  roles: Schema.NonEmptyArray(Visible),
  iat: Schema.Finite,
  exp: Schema.Finite,
  nbf: Schema.optionalKey(Schema.Finite),
  aud: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  customer_id: Schema.optionalKey(Schema.NullOr(Visible)),
  trial_mode: Schema.optionalKey(Schema.Boolean),
  trial_expires_at: Schema.optionalKey(Instant),
  agent_id: Schema.optionalKey(Visible),
  governor_agent_id: Schema.optionalKey(Visible),
  jti: Schema.optionalKey(Visible),
  token_version: Schema.optionalKey(Schema.Int),
  token_type: Schema.optionalKey(Schema.Literal("access")),
})
const decodeClaims = Schema.decodeUnknownResult(Claims)
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/**
 * Who a verified payload speaks of, or `invalid-token` with the claim that is wrong (SPEC 3).
 *
 * It is pure and trusts only that the signature, `iss`, `aud`, `nbf` and `exp` were checked already; the types
 * of those claims it checks again, because a comparison is no type check.
 */
export const identityOf = (payload: unknown, portal: Portal, rules: ClaimRules): Identity | Problem => {
  const decoded = decodeClaims(payload)
  if (Result.isFailure(decoded)) {
    const claim = issuesOf(decoded.failure.issue).issues[0]?.path?.[0]
    return invalidToken(
      typeof claim === "string"
        ? `The claim ${claim} is missing or malformed.`
        : "The token's claims are not an object.",
    )
  }
  const claims = decoded.success
  if (claims.sub !== claims.user_id) return invalidToken("The claims sub and user_id differ.")
  if (!claims.roles.every((role) => portal.roles.has(role)))
    return invalidToken("The claim roles has a role that this portal does not know.")
  if (claims.exp <= claims.iat) return invalidToken("The token ends before it begins.")
  if (claims.exp - claims.iat > rules.maxLifetimeSeconds)
    return invalidToken("The token lives longer than this gateway allows.")
  if (claims.iat > rules.now + rules.leewaySeconds) return invalidToken("The token was issued in the future.")
  const customerId = claims.customer_id ?? undefined
  if (portal.customerRequired && customerId === undefined)
    return invalidToken("The claim customer_id is missing.")
  const trial = claims.trial_mode ?? portal.trialModeWhenAbsent
  if (trial && claims.trial_expires_at === undefined)
    return invalidToken("The claim trial_expires_at is missing, and the token is a trial's.")
  const governorAgentId = Option.fromUndefinedOr(claims.governor_agent_id)
  return {
    portal: portal.id,
    userId: claims.user_id,
    email: claims.email,
    customerId: Option.fromUndefinedOr(customerId),
    roles: claims.roles,
    isGovernor:
      claims.roles.includes("governor") || (claims.roles.includes("admin") && Option.isSome(governorAgentId)),
    trial,
    trialExpiresAt: trial ? Option.fromUndefinedOr(claims.trial_expires_at) : Option.none(),
    agentId: Option.fromUndefinedOr(claims.agent_id),
    governorAgentId,
    tokenId: Option.fromUndefinedOr(claims.jti),
    tokenVersion: Option.fromUndefinedOr(claims.token_version),
    issuedAt: claims.iat,
    expiresAt: claims.exp,
  }
}
