import { decodeProtectedHeader, type ProtectedHeaderParameters } from "jose"
import { Result } from "effect"
import type { Problem } from "../http/Problems.ts"
import { invalidToken, invalidTokenFormat, unauthorized } from "./Refusals.ts"

/** A longer token is refused unread; the largest that an issuer of ours makes is below 2 kB. */
export const maxTokenLength = 8192

/**
 * The token of a request, or why there is none (RFC 6750 section 2.1): `unauthorized` without an Authorization
 * header, `invalid-token-format` with anything but one `Bearer` credential.
 *
 * It reads node's raw header list, names and values in turn: of two Authorization headers node's own `headers`
 * silently keeps the first, so that another hop might believe the second.
 *
 * The token is not yet known to look like a JWT; `tokenHeader` finds that out.
 */
export const bearerToken = (rawHeaders: ReadonlyArray<string>): string | Problem => {
  let value: string | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length !== 13 || name.toLowerCase() !== "authorization") continue
    if (value !== undefined) return invalidTokenFormat("There is more than one Authorization header.")
    value = rawHeaders[i + 1]
  }
  if (value === undefined) return unauthorized()
  if (value.slice(0, 7).toLowerCase() !== "bearer ")
    return invalidTokenFormat("The Authorization header must be `Bearer <token>`.")
  const token = value.slice(7).trimStart()
  if (token.length > maxTokenLength)
    return invalidTokenFormat(`The token is longer than ${maxTokenLength} characters.`)
  return token
}

/** What a token's protected header says about its key. Nothing in it is trusted yet. */
export interface TokenHeader {
  readonly alg: string
  readonly kid: string | undefined
}

/** Three base64url parts. A JWE has five; an unsigned token (`alg` none) has an empty third. */
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** RFC 8725 section 3.11 and RFC 9068 section 2.1; `application/` may be left out. */
const acceptedTypes = new Set(["jwt", "application/jwt", "at+jwt", "application/at+jwt"])

/**
 * The protected header, or `invalid-token-format` when this is no JWS in compact form, or `invalid-token` when
 * the header asks for what is not understood: a critical extension (RFC 7515 section 4.1.11) or another type
 * of token.
 */
export const tokenHeader = (token: string): TokenHeader | Problem => {
  if (!compactJws.test(token)) return invalidTokenFormat("The token is not a signed JWT in compact form.")
  const decoded: Result.Result<ProtectedHeaderParameters, unknown> = Result.try(() =>
    decodeProtectedHeader(token),
  )
  if (Result.isFailure(decoded)) return invalidTokenFormat("The token's header is not readable.")
  const { alg, kid, typ, crit } = decoded.success
  if (typeof alg !== "string") return invalidToken("The token's header names no algorithm.")
  if (crit !== undefined) return invalidToken("The token needs an extension that is not understood.")
  if (typ !== undefined && !(typeof typ === "string" && acceptedTypes.has(typ.toLowerCase())))
    return invalidToken("This type of token is not an access token.")
  if (kid !== undefined && typeof kid !== "string") return invalidToken("The token's key id is not a string.")
  return { alg, kid }
}
