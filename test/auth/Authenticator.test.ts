import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { EncryptJWT } from "jose"
import { Authenticator } from "../../src/auth/Authenticator.ts"
import { Revocations, type Standing } from "../../src/auth/Revocations.ts"
import { Cp } from "../../src/portals/Cp.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { Pp } from "../../src/portals/Pp.ts"
import { atNoon, authenticator, goodClaims, noon, secrets, signed, tokenFor } from "./World.ts"

const portals = { CP: Cp, PP: Pp } as const
const authenticate = (portal: PortalId, token: string) =>
  Authenticator.use((service) => service.authenticate(portals[portal], token))
const refusal = (portal: PortalId, token: string) => Effect.flip(authenticate(portal, token))
const key = (portal: PortalId) => new TextEncoder().encode(secrets[portal])
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

describe("a token signed with the portal's secret", () => {
  it.effect("says who calls", () =>
    Effect.gen(function* () {
      yield* atNoon
      const { identity, revocation } = yield* authenticate("CP", yield* tokenFor("CP"))
      assert.strictEqual(identity.userId, "user-7")
      assert.deepStrictEqual(identity.customerId, Option.some("customer-3"))
      assert.strictEqual(revocation, "current")
      const staff = yield* authenticate("PP", yield* tokenFor("PP"))
      assert.deepStrictEqual(staff.identity.roles, ["viewer"])
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("of one portal is refused on the other, also when it is remembered", () =>
    Effect.gen(function* () {
      yield* atNoon
      const cp = yield* tokenFor("CP")
      const pp = yield* tokenFor("PP")
      yield* authenticate("CP", cp)
      yield* authenticate("PP", pp)
      assert.strictEqual((yield* refusal("PP", cp)).slug, "invalid-token")
      assert.strictEqual((yield* refusal("CP", pp)).slug, "invalid-token")
      yield* authenticate("CP", cp)
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("of the other issuer is refused even when the secret would fit", () =>
    Effect.gen(function* () {
      yield* atNoon
      const claims = { ...goodClaims.CP, iss: goodClaims.PP.iss }
      const problem = yield* refusal("CP", yield* signed(claims, { alg: "HS256", key: key("CP") }))
      assert.strictEqual(problem.slug, "invalid-token")
      assert.strictEqual(problem.detail, "The token was not issued for this portal.")
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is refused when a byte of it was changed", () =>
    Effect.gen(function* () {
      yield* atNoon
      const [header, , signature] = (yield* tokenFor("CP")).split(".")
      const forged = `${header}.${part({ ...goodClaims.CP, roles: ["governor"] })}.${signature}`
      assert.strictEqual((yield* refusal("CP", forged)).detail, "The token's signature does not verify.")
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is refused without a signature (alg none), whatever stands in its place", () =>
    Effect.gen(function* () {
      yield* atNoon
      for (const alg of ["none", "None", "NONE", ""]) {
        const unsigned = `${part({ alg })}.${part(goodClaims.CP)}`
        assert.strictEqual((yield* refusal("CP", `${unsigned}.`)).slug, "invalid-token-format")
        assert.strictEqual((yield* refusal("CP", `${unsigned}.c2ln`)).slug, "invalid-token")
      }
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is refused with an HMAC that is not on the list", () =>
    Effect.gen(function* () {
      yield* atNoon
      const long = new TextEncoder().encode(secrets.CP.repeat(2))
      for (const alg of ["HS384", "HS512"]) {
        const problem = yield* refusal("CP", yield* signed(goodClaims.CP, { alg, key: long }))
        assert.strictEqual(problem.detail, "The token's algorithm is not accepted for this portal.")
      }
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is refused when encrypted, even with the shared secret", () =>
    Effect.gen(function* () {
      yield* atNoon
      const jwe = yield* Effect.promise(() =>
        new EncryptJWT({ ...goodClaims.CP })
          .setProtectedHeader({ alg: "dir", enc: "A128CBC-HS256" })
          .encrypt(key("CP").slice(0, 32)),
      )
      assert.strictEqual((yield* refusal("CP", jwe)).slug, "invalid-token-format")
    }).pipe(Effect.provide(authenticator())),
  )
})

describe("the time of a token", () => {
  const times: ReadonlyArray<readonly [name: string, changes: Record<string, number>, slug: string]> = [
    ["that expired before the leeway", { iat: noon - 3600, exp: noon - 61 }, "token-expired"],
    ["that expired at the end of the leeway", { iat: noon - 3600, exp: noon - 60 }, "token-expired"],
    ["that is not valid yet", { nbf: noon + 61 }, "invalid-token"],
    ["issued in the future", { iat: noon + 61 }, "invalid-token"],
    ["that lives for 25 hours", { iat: noon - 3600, exp: noon + 24 * 3600 }, "invalid-token"],
    ["that expired after 25 hours", { iat: noon - 26 * 3600, exp: noon - 3600 }, "token-expired"],
  ]
  it.effect.each(times)("refuses one %s", ([, changes, slug]) =>
    Effect.gen(function* () {
      yield* atNoon
      assert.strictEqual((yield* refusal("CP", yield* tokenFor("CP", changes))).slug, slug)
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("tells the client what to do about an expired one", () =>
    Effect.gen(function* () {
      yield* atNoon
      const problem = yield* refusal("CP", yield* tokenFor("CP", { iat: noon - 7200, exp: noon - 3600 }))
      assert.deepStrictEqual(problem.extensions, { action: "refresh_token" })
      assert.match(problem.headers?.["www-authenticate"] ?? "", /^Bearer .*error="invalid_token"/)
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("bears with clocks that differ by the leeway", () =>
    Effect.gen(function* () {
      yield* atNoon
      yield* authenticate("CP", yield* tokenFor("CP", { iat: noon - 3600, exp: noon - 59 }))
      yield* authenticate("CP", yield* tokenFor("CP", { nbf: noon + 60, iat: noon + 60 }))
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("has a ceiling that the configuration lowers", () =>
    Effect.gen(function* () {
      yield* atNoon
      assert.strictEqual(
        (yield* refusal("CP", yield* tokenFor("CP", { exp: noon + 901 }))).slug,
        "invalid-token",
      )
      yield* authenticate("CP", yield* tokenFor("CP", { exp: noon + 900 }))
    }).pipe(Effect.provide(authenticator({ JWT_MAX_LIFETIME_SECONDS: "900" }))),
  )

  it.effect("ends for a remembered token as for a new one", () =>
    Effect.gen(function* () {
      yield* atNoon
      const token = yield* tokenFor("CP")
      yield* authenticate("CP", token)
      yield* TestClock.adjust("3659 seconds")
      yield* authenticate("CP", token)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* refusal("CP", token)).slug, "token-expired")
    }).pipe(Effect.provide(authenticator())),
  )
})

describe("a remembered token", () => {
  it.effect("is known without a promise, as long as its revocation answer is fresh", () =>
    Effect.gen(function* () {
      yield* atNoon
      const token = yield* tokenFor("CP")
      const context = yield* Effect.context<Authenticator>()
      assert.isTrue(Exit.isFailure(Effect.runSyncExitWith(context)(authenticate("CP", token))))
      yield* authenticate("CP", token)
      assert.isTrue(Exit.isSuccess(Effect.runSyncExitWith(context)(authenticate("CP", token))))
    }).pipe(Effect.provide(authenticator())),
  )

  it.effect("is not remembered when the configuration says so", () =>
    Effect.gen(function* () {
      yield* atNoon
      const token = yield* tokenFor("CP")
      const context = yield* Effect.context<Authenticator>()
      yield* authenticate("CP", token)
      assert.isTrue(Exit.isFailure(Effect.runSyncExitWith(context)(authenticate("CP", token))))
    }).pipe(Effect.provide(authenticator({ VERIFIED_TOKENS_MAX: "0" }))),
  )
})

describe("a remembered token that is revoked", () => {
  let standing: Standing = "current"
  const port = Layer.succeed(Revocations, { check: () => Effect.sync(() => standing) })

  it.effect("is forgotten: its next use begins with its signature", () =>
    Effect.gen(function* () {
      yield* atNoon
      const token = yield* tokenFor("CP")
      const context = yield* Effect.context<Authenticator>()
      const atOnce = () => Effect.runSyncExitWith(context)(authenticate("CP", token))
      yield* authenticate("CP", token)
      assert.isTrue(Exit.isSuccess(atOnce()))
      standing = "revoked"
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* refusal("CP", token)).slug, "token-revoked")
      const exit = atOnce()
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause), "it was answered without a promise")
    }).pipe(Effect.provide(authenticator({ REVOCATION_FRESH_SECONDS: "1" }, port))),
  )
})

describe("the audience", () => {
  it.effect("must be ours when one is configured, and does not matter otherwise", () =>
    Effect.gen(function* () {
      yield* atNoon
      for (const aud of [undefined, "elsewhere", ["elsewhere", "nowhere"], []]) {
        assert.strictEqual(
          (yield* refusal("CP", yield* tokenFor("CP", { aud }))).slug,
          "invalid-token",
          JSON.stringify(aud),
        )
        yield* authenticate("PP", yield* tokenFor("PP", { aud }))
      }
      yield* authenticate("CP", yield* tokenFor("CP", { aud: ["elsewhere", "gateway"] }))
    }).pipe(Effect.provide(authenticator({ JWT_AUDIENCE_CP: "gateway" }))),
  )
})

const withdrawn = (standing: Standing) =>
  authenticator({}, Layer.succeed(Revocations, { check: () => Effect.succeed(standing) }))

describe("a withdrawn token", () => {
  it.effect("is refused with the code TOKEN_REVOKED", () =>
    Effect.gen(function* () {
      yield* atNoon
      const problem = yield* refusal("CP", yield* tokenFor("CP"))
      assert.strictEqual(problem.slug, "token-revoked")
      assert.strictEqual(problem.detail, "TOKEN_REVOKED")
    }).pipe(Effect.provide(withdrawn("revoked"))),
  )

  it.effect("is refused with the code TOKEN_VERSION_MISMATCH when the user's version has moved on", () =>
    Effect.gen(function* () {
      yield* atNoon
      const problem = yield* refusal("CP", yield* tokenFor("CP"))
      assert.strictEqual(problem.slug, "token-version-mismatch")
      assert.strictEqual(problem.detail, "TOKEN_VERSION_MISMATCH")
    }).pipe(Effect.provide(withdrawn("version-mismatch"))),
  )

  it.effect("is refused, though it is remembered, once the last answer is no longer fresh", () => {
    let standing: Standing = "current"
    return Effect.gen(function* () {
      yield* atNoon
      const token = yield* tokenFor("CP")
      yield* authenticate("CP", token)
      standing = "revoked"
      yield* TestClock.adjust("4999 millis")
      yield* authenticate("CP", token)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* refusal("CP", token)).slug, "token-revoked")
      assert.strictEqual((yield* refusal("CP", token)).slug, "token-revoked")
    }).pipe(
      Effect.provide(
        authenticator(
          { REVOCATION_FRESH_SECONDS: "5" },
          Layer.succeed(Revocations, { check: () => Effect.sync(() => standing) }),
        ),
      ),
    )
  })

  it.effect("is known by its own jti and version, not by another token's of the same user", () => {
    const asked: Array<readonly [jti: string | undefined, version: number | undefined]> = []
    const port = Layer.succeed(Revocations, {
      check: (token) =>
        Effect.sync((): Standing => {
          asked.push([Option.getOrUndefined(token.tokenId), Option.getOrUndefined(token.tokenVersion)])
          return Option.contains(token.tokenId, "second") ? "revoked" : "current"
        }),
    })
    return Effect.gen(function* () {
      yield* atNoon
      yield* authenticate("CP", yield* tokenFor("CP", { jti: "first", token_version: 1 }))
      yield* refusal("CP", yield* tokenFor("CP", { jti: "second", token_version: 2 }))
      yield* authenticate("CP", yield* tokenFor("CP", { jti: undefined }))
      assert.deepStrictEqual(asked, [
        ["first", 1],
        ["second", 2],
        [undefined, undefined],
      ])
    }).pipe(Effect.provide(authenticator({}, port)))
  })
})
