import { randomUUID } from "node:crypto"
import { Clock, Data, DateTime, Effect, Option, Redacted } from "effect"
import { SignJWT } from "jose"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { PortalId } from "../portals/Portal.ts"

/** What a development token says; everything left out has a default that the portal accepts. */
export interface MintOptions {
  readonly userId?: string
  readonly email?: string
  readonly roles?: ReadonlyArray<string>
  /** Null: no customer, which only PP accepts. */
  readonly customerId?: string | null
  readonly trial?: boolean
  /** Default: 7 days from now, when in trial. */
  readonly trialExpiresAt?: DateTime.Utc
  readonly agentId?: string
  readonly governorAgentId?: string
  readonly tokenVersion?: number
  readonly lifetimeSeconds?: number
}

/** Why no token can be made. */
export class CannotMint extends Data.TaggedError("CannotMint")<{ readonly message: string }> {}

/**
 * An access token for a portal, signed with its HS256 secret: for development only (SPEC 1), so production
 * refuses. What is asked for is signed as it is, also if the portal will then refuse it.
 */
export const mint = Effect.fnUntraced(function* (portal: PortalId, options: MintOptions = {}) {
  const { auth, environment } = yield* GatewayConfig
  if (environment !== "development")
    return yield* new CannotMint({ message: "Tokens are made in development only; sign in to get one." })
  const { algorithms, audience, issuer, secret } = auth.issuers[portal]
  if (Option.isNone(secret) || !algorithms.includes("HS256"))
    return yield* new CannotMint({
      message: `Only an issuer with HS256 can be minted for; set JWT_SECRET_${portal} and accept HS256.`,
    })

  const now = yield* Clock.currentTimeMillis
  const issuedAt = Math.floor(now / 1000)
  const lifetime = options.lifetimeSeconds ?? 3600
  const person = { ...defaults[portal], ...options }
  const trialEnd = person.trialExpiresAt ?? DateTime.makeUnsafe(now + 7 * 86_400_000)
  const token = new SignJWT({
    user_id: person.userId,
    email: person.email,
    roles: [...person.roles],
    customer_id: person.customerId,
    trial_mode: person.trial,
    token_type: "access",
    ...(person.trial ? { trial_expires_at: DateTime.formatIso(trialEnd) } : {}),
    ...(person.agentId === undefined ? {} : { agent_id: person.agentId }),
    ...(person.governorAgentId === undefined ? {} : { governor_agent_id: person.governorAgentId }),
    ...(person.tokenVersion === undefined ? {} : { token_version: person.tokenVersion }),
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(issuer)
    .setSubject(person.userId)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetime)
  if (Option.isSome(audience)) token.setAudience(audience.value)
  return yield* Effect.promise(() => token.sign(new TextEncoder().encode(Redacted.value(secret.value))))
})

const defaults = {
  CP: {
    userId: "user-1",
    email: "user-1@customer-1.example",
    roles: ["customer"],
    customerId: "customer-1",
    trial: false,
  },
  PP: {
    userId: "staff-1",
    email: "staff-1@platform.example",
    roles: ["admin"],
    customerId: null,
    trial: false,
  },
} as const satisfies Record<PortalId, MintOptions>
