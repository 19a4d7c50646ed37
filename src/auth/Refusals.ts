import { Problem } from "../http/Problems.ts"

/**
 * The refusals of SPEC 3. Each 401 carries the challenge of RFC 6750 section 3: without an error code when no
 * token was sent, else with the code that says whether another token would help.
 */
const challenge = (error?: "invalid_request" | "invalid_token", description?: string): string =>
  error === undefined
    ? `Bearer realm="gateway"`
    : `Bearer realm="gateway", error="${error}", error_description="${description}"`

const refused = (
  slug: "invalid-token" | "token-revoked" | "token-version-mismatch",
  detail: string,
  description: string,
  cause?: unknown,
): Problem =>
  new Problem({
    slug,
    detail,
    headers: { "www-authenticate": challenge("invalid_token", description) },
    ...(cause === undefined ? {} : { cause }),
  })

/** No Authorization header at all. */
export const unauthorized = (): Problem =>
  new Problem({
    slug: "unauthorized",
    detail: "This route needs an access token.",
    headers: { "www-authenticate": challenge() },
  })

/** There is an Authorization header, but not exactly one Bearer token in JWS compact form. */
export const invalidTokenFormat = (detail: string): Problem =>
  new Problem({
    slug: "invalid-token-format",
    detail,
    headers: { "www-authenticate": challenge("invalid_request", "not one Bearer token in JWT form") },
  })

/** A token in the right form whose signature, issuer or claims are wrong. `detail` never quotes the token. */
export const invalidToken = (detail: string, cause?: unknown): Problem =>
  refused("invalid-token", detail, "the access token is invalid", cause)

export const tokenExpired = (): Problem =>
  new Problem({
    slug: "token-expired",
    detail: "The access token has expired.",
    headers: { "www-authenticate": challenge("invalid_token", "the access token has expired") },
    extensions: { action: "refresh_token" },
  })

/** The detail is a code that the portals' clients compare with (SPEC 3). */
export const tokenRevoked = (): Problem =>
  refused("token-revoked", "TOKEN_REVOKED", "the access token was revoked")

/** The detail is a code that the portals' clients compare with (SPEC 3). */
export const tokenVersionMismatch = (): Problem =>
  refused("token-version-mismatch", "TOKEN_VERSION_MISMATCH", "the user's tokens were renewed")

/** Identity cannot be established now, through no fault of the token; so it is never a 401. */
export const identityUnavailable = (detail: string, retryAfterSeconds: number, cause?: unknown): Problem =>
  new Problem({
    slug: "service-unavailable",
    detail,
    headers: { "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))) },
    ...(cause === undefined ? {} : { cause }),
  })
