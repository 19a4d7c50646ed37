import { Clock, Context, Effect, Layer, Option } from "effect"
import { errors, jwtVerify } from "jose"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Problem } from "../http/Problems.ts"
import type { Portal } from "../portals/Portal.ts"
import { identityOf } from "./Claims.ts"
import type { Identity } from "./ConstitutionalContext.ts"
import { IssuerKeys } from "./Keys.ts"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import { invalidToken, tokenExpired, tokenRevoked, tokenVersionMismatch } from "./Refusals.ts"
import { makeRevocationMemory } from "./RevocationMemory.ts"
import { Revocations } from "./Revocations.ts"
import { tokenHeader } from "./Token.ts"
import { makeVerifiedTokens, tokenDigest } from "./VerifiedTokens.ts"

/** A verified caller. */
export interface Authenticated {
  readonly identity: Identity
  /** `unknown`: nobody can say now whether the token was revoked. The caller decides what may pass then. */
  readonly revocation: "current" | "unknown"
}

/** Turns a token into the person it speaks of, wherever the token came from (a header, or a WebSocket's opening). */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    /**
     * Who a token speaks of, when it was verified before and is known not to be revoked: a digest and two lookups.
     * Undefined when `authenticate` has to be asked.
     */
    readonly recall: (portal: Portal, token: string) => Identity | undefined
    /**
     * Fails with a 401 of SPEC 3 when the token is refused, and with `service-unavailable` when its keys cannot
     * be reached.
     */
    readonly authenticate: (portal: Portal, token: string) => Effect.Effect<Authenticated, Problem>
  }
>()("gateway/auth/Authenticator") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { auth } = yield* GatewayConfig
      const clock = yield* Clock.Clock
      const keys = yield* IssuerKeys
      const verified = makeVerifiedTokens(auth.rememberedTokens)
      const revocations = makeRevocationMemory({
        port: yield* Revocations,
        freshSeconds: auth.revocationFreshSeconds,
        staleSeconds: auth.revocationStaleSeconds,
        capacity: auth.rememberedTokens,
      })

      const verify = Effect.fn("auth.verify")(function* (portal: Portal, token: string) {
        const header = tokenHeader(token)
        if (header instanceof Problem) return yield* header
        const key = yield* keys.find(portal.id, header)
        const now = yield* Clock.currentTimeMillis
        const { audience, issuer } = auth.issuers[portal.id]
        const { payload } = yield* Effect.tryPromise({
          try: () =>
            jwtVerify(token, key, {
              algorithms: [header.alg],
              issuer,
              ...(Option.isSome(audience) ? { audience: audience.value } : {}),
              requiredClaims: ["exp"],
              clockTolerance: auth.leewaySeconds,
              currentDate: new Date(now),
            }),
          catch: refusalOf,
        })
        const identity = identityOf(payload, portal, {
          now: now / 1000,
          maxLifetimeSeconds: auth.maxLifetimeSeconds,
          leewaySeconds: auth.leewaySeconds,
        })
        return identity instanceof Problem ? yield* identity : identity
      })

      const withStanding = Effect.fnUntraced(function* (digest: string, identity: Identity) {
        const standing = yield* revocations.standing(digest, identity)
        if (standing === "current" || standing === "unknown") return { identity, revocation: standing }
        verified.forget(digest)
        return yield* standing === "revoked" ? tokenRevoked() : tokenVersionMismatch()
      })

      const firstSight = Effect.fnUntraced(function* (portal: Portal, token: string, digest: string) {
        const identity = yield* verify(portal, token)
        // As long as `verify` itself would accept it.
        verified.remember(digest, identity, (identity.expiresAt + auth.leewaySeconds) * 1000)
        return yield* withStanding(digest, identity)
      })

      /** Verified for the other portal is not verified for this one. */
      const verifiedFor = (portal: Portal, digest: string): Identity | undefined => {
        const identity = verified.recall(digest, clock.currentTimeMillisUnsafe())
        return identity?.portal === portal.id ? identity : undefined
      }

      return Authenticator.of({
        recall: (portal, token) => {
          const digest = tokenDigest(token)
          return revocations.isCurrent(digest, monotonicMillis(clock))
            ? verifiedFor(portal, digest)
            : undefined
        },
        authenticate: (portal, token) =>
          Effect.suspend(() => {
            const digest = tokenDigest(token)
            const identity = verifiedFor(portal, digest)
            return identity === undefined ? firstSight(portal, token, digest) : withStanding(digest, identity)
          }),
      })
    }),
  )
}

/** jose's verdict as one of ours. Its errors hold the claims, so they are not kept as a cause. */
const refusalOf = (cause: unknown): Problem => {
  if (cause instanceof errors.JWTExpired) return tokenExpired()
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return invalidToken("The token's signature does not verify.")
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.claim === "iss" || cause.claim === "aud")
      return invalidToken("The token was not issued for this portal.")
    if (cause.claim === "nbf" && cause.reason === "check_failed")
      return invalidToken("The token is not valid yet.")
    return invalidToken(`The claim ${cause.claim} is missing or malformed.`)
  }
  return cause instanceof errors.JOSEError
    ? invalidToken("The token is not a valid JWT.")
    : invalidToken("The token cannot be verified.", cause)
}
