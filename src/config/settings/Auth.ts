import type { Redacted } from "effect"
import type { PortalId } from "../../portals/Portal.ts"
import { httpUrl } from "../Addresses.ts"
import { checked, type Kind, seconds, secretly, someOf, spaced, text, whole } from "../Kinds.ts"
import { list, optional, setting } from "../Setting.ts"

const secretProblem = (value: string): string | undefined => {
  if (/-----BEGIN [A-Z ]*(PUBLIC KEY|CERTIFICATE)-----/.test(value)) {
    return "The value is a public key, and an HMAC secret is never a public key: everyone knows it, so everyone could sign tokens."
  }
  if (/-----BEGIN |"kty"|^ssh-/.test(value)) return "The value is a key file, not a shared secret."
  const size = Buffer.byteLength(value)
  if (size < 32) return `The value has ${size} bytes, and HS256 is only safe with 32 or more.`
  return spaced(value)
}

/** Key for HS256: at least as long as the hash (RFC 7518 section 3.2), and nothing that others can know. */
const hmacSecret: Kind<Redacted.Redacted> = secretly(
  checked("at least 32 random bytes that only the token issuer has too", undefined, secretProblem),
)

const issuer = (portal: PortalId, name: string) =>
  setting({
    kind: text("the issuer's name", name),
    default: name,
    about: `The \`iss\` claim of ${portal} tokens.`,
  })
const secret = (portal: PortalId) =>
  optional({
    kind: hmacSecret,
    about: `Key of ${portal} tokens signed with HS256; the embedded profile generates one when no key is set.`,
  })
const jwksUrl = (portal: PortalId) =>
  optional({
    kind: httpUrl("https://id.waooaw.com/.well-known/jwks.json"),
    about: `Where the public keys of ${portal} tokens are, for RS256, ES256 and EdDSA.`,
  })
const algorithms = (portal: PortalId) =>
  list({
    kind: someOf(["HS256", "RS256", "ES256", "EdDSA"]),
    about: `Signatures that ${portal} tokens may have; by default HS256 when there is a secret, and RS256, ES256, EdDSA when there is a JWKS URL.`,
  })
const audience = (portal: PortalId) =>
  optional({
    kind: text("the audience's name", "gateway"),
    about: `The \`aud\` claim that ${portal} tokens must have; not looked at when unset.`,
  })

/** Whose tokens are believed, and for how long (SPEC 3). */
export const authSettings = {
  JWT_ISSUER_CP: issuer("CP", "cp.waooaw.com"),
  JWT_ISSUER_PP: issuer("PP", "pp.waooaw.com"),
  JWT_SECRET_CP: secret("CP"),
  JWT_SECRET_PP: secret("PP"),
  JWT_JWKS_URL_CP: jwksUrl("CP"),
  JWT_JWKS_URL_PP: jwksUrl("PP"),
  JWT_ALGORITHMS_CP: algorithms("CP"),
  JWT_ALGORITHMS_PP: algorithms("PP"),
  JWT_AUDIENCE_CP: audience("CP"),
  JWT_AUDIENCE_PP: audience("PP"),
  JWT_MAX_LIFETIME_SECONDS: setting({
    kind: seconds(1, 86_400),
    default: "86400",
    about: "Longest time from `iat` to `exp`; never more than 24 hours.",
  }),
  JWT_LEEWAY_SECONDS: setting({
    kind: seconds(0, 300),
    default: "60",
    about: "How far the clocks of issuer and gateway may differ.",
  }),
  JWKS_COOLDOWN_SECONDS: setting({
    kind: seconds(1, 3600),
    default: "10",
    about: "At most one fetch of the keys in this time, whatever key ids arrive.",
  }),
  JWKS_FRESH_SECONDS: setting({
    kind: seconds(1, 86_400),
    default: "600",
    about: "Keys are fetched anew after this time.",
  }),
  JWKS_STALE_SECONDS: setting({
    kind: seconds(1, 86_400),
    default: "3600",
    about: "Keys older than this are not used: while they cannot be fetched, tokens get 503.",
  }),
  REVOCATION_FRESH_SECONDS: setting({
    kind: seconds(0, 60),
    default: "1",
    about: "How long the answer whether a token is revoked is used without asking Redis again.",
  }),
  REVOCATION_STALE_SECONDS: setting({
    kind: seconds(0, 3600),
    default: "60",
    about: "How long it is used while Redis is away.",
  }),
  VERIFIED_TOKENS_MAX: setting({
    kind: whole(0, 10_000_000),
    default: "10000",
    about: "Verified tokens that are remembered, so that their signature is not checked again.",
  }),
}
