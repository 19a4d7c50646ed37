import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Authenticator } from "../../src/auth/Authenticator.ts"
import { CannotMint, mint, type MintOptions } from "../../src/auth/Mint.ts"
import { Cp } from "../../src/portals/Cp.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { Pp } from "../../src/portals/Pp.ts"
import { atNoon, authenticator, configured, noon } from "./World.ts"

const identityOf = Effect.fnUntraced(function* (portal: PortalId, options?: MintOptions) {
  const { authenticate } = yield* Authenticator
  return (yield* authenticate(portal === "CP" ? Cp : Pp, yield* mint(portal, options))).identity
})

describe("a minted token", () => {
  it.effect("is accepted by its portal for an hour, without a word said", () =>
    Effect.gen(function* () {
      yield* atNoon
      for (const portal of ["CP", "PP"] as const) {
        const token = yield* mint(portal)
        const { authenticate } = yield* Authenticator
        const own = portal === "CP" ? Cp : Pp
        const { identity } = yield* authenticate(own, token)
        assert.isFalse(identity.trial)
        assert.strictEqual(identity.expiresAt, noon + 3600)
        assert.isTrue(Option.isSome(identity.tokenId))
        assert.strictEqual(
          (yield* Effect.flip(authenticate(portal === "CP" ? Pp : Cp, token))).slug,
          "invalid-token",
        )
      }
      yield* TestClock.adjust("2 hours")
    }).pipe(Effect.provide(authenticator({ JWT_AUDIENCE_CP: "gateway" }))),
  )

  it.effect("says what is asked for", () =>
    Effect.gen(function* () {
      yield* atNoon
      const identity = yield* identityOf("CP", {
        userId: "u-1",
        email: "u@e.example",
        roles: ["governor", "customer"],
        customerId: "c-1",
        trial: true,
        trialExpiresAt: DateTime.makeUnsafe("2026-04-01T00:00:00Z"),
        agentId: "a-1",
        governorAgentId: "a-2",
        tokenVersion: 3,
        lifetimeSeconds: 60,
      })
      assert.deepInclude(identity, {
        userId: "u-1",
        email: "u@e.example",
        roles: ["governor", "customer"],
        customerId: Option.some("c-1"),
        isGovernor: true,
        trial: true,
        trialExpiresAt: Option.some(Date.parse("2026-04-01T00:00:00Z")),
        agentId: Option.some("a-1"),
        governorAgentId: Option.some("a-2"),
        tokenVersion: Option.some(3),
        expiresAt: noon + 60,
      })
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("of a trial lasts for seven days unless it says otherwise", () =>
    Effect.gen(function* () {
      yield* atNoon
      const { trialExpiresAt } = yield* identityOf("CP", { trial: true })
      assert.deepStrictEqual(trialExpiresAt, Option.some((noon + 7 * 86_400) * 1000))
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is not made in production", () =>
    Effect.gen(function* () {
      assert.instanceOf(yield* Effect.flip(mint("CP")), CannotMint)
    }).pipe(Effect.provide(configured({ ENVIRONMENT: "production" }))),
  )

  it.effect("is not made for an issuer that has no secret, or does not accept HS256", () =>
    Effect.gen(function* () {
      assert.include((yield* Effect.flip(mint("CP"))).message, "JWT_SECRET_CP")
    }).pipe(
      Effect.provide(
        configured({ JWT_ALGORITHMS_CP: "ES256", JWT_JWKS_URL_CP: "http://127.0.0.1:1/jwks.json" }),
      ),
    ),
  )
})
