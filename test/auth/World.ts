import { ConfigProvider, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { SignJWT, type CryptoKey, type JWTPayload, type KeyObject } from "jose"
import { Authenticator } from "../../src/auth/Authenticator.ts"
import { IssuerKeys } from "../../src/auth/Keys.ts"
import { Revocations } from "../../src/auth/Revocations.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import type { PortalId } from "../../src/portals/Portal.ts"

/** The secrets of the two portals in all tests of authentication. */
export const secrets = {
  CP: "the customers' portal signs with these bytes",
  PP: "the platform's portal signs with these ones",
} as const

/** The configuration that an environment gives; both portals sign with HS256 unless it says otherwise. */
export const configured = (env: Readonly<Record<string, string>> = {}) =>
  GatewayConfig.layer.pipe(
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromEnv({ env: { JWT_SECRET_CP: secrets.CP, JWT_SECRET_PP: secrets.PP, ...env } }),
      ),
    ),
  )

/** A revocation port that withdraws nothing. */
export const nothingRevoked = Layer.succeed(Revocations, { check: () => Effect.succeed("current") })

/** The authenticator as an environment configures it. */
export const authenticator = (
  env: Readonly<Record<string, string>> = {},
  revocations: Layer.Layer<Revocations> = nothingRevoked,
) =>
  Authenticator.layer.pipe(
    Layer.provide([IssuerKeys.layer, revocations]),
    Layer.provideMerge(configured(env)),
  )

/** Noon of a day on which all tests take place, in seconds since the epoch. */
export const noon = Date.UTC(2026, 2, 14, 12) / 1000
/** `TestClock` at noon. */
export const atNoon = TestClock.setTime(noon * 1000)

/** Claims that the portal accepts at noon, for an hour. */
export const goodClaims = {
  CP: {
    iss: "cp.waooaw.com",
    sub: "user-7",
    user_id: "user-7",
    email: "seven@customer.example",
    roles: ["customer_admin"],
    customer_id: "customer-3",
    trial_mode: false,
    jti: "token-1",
    iat: noon,
    exp: noon + 3600,
  },
  PP: {
    iss: "pp.waooaw.com",
    sub: "staff-2",
    user_id: "staff-2",
    email: "two@platform.example",
    roles: ["viewer"],
    customer_id: null,
    jti: "token-2",
    iat: noon,
    exp: noon + 3600,
  },
} as const satisfies Record<PortalId, JWTPayload>

export interface Signing {
  readonly alg: string
  readonly key: CryptoKey | KeyObject | Uint8Array
  readonly header?: Readonly<Record<string, unknown>>
}

/** A token over any claims, signed by any key. */
export const signed = (claims: Readonly<Record<string, unknown>>, { alg, key, header }: Signing) =>
  Effect.promise(() => new SignJWT({ ...claims }).setProtectedHeader({ ...header, alg }).sign(key))

/** A token that a portal's own secret signs; what `changes` sets to undefined is left out. */
export const tokenFor = (portal: PortalId, changes: Readonly<Record<string, unknown>> = {}) =>
  signed(
    { ...goodClaims[portal], ...changes },
    { alg: "HS256", key: new TextEncoder().encode(secrets[portal]) },
  )
