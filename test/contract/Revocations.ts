import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Layer, Option } from "effect"
import { randomUUID } from "node:crypto"
import { type RevocableToken, Revocations } from "../../src/auth/Revocations.ts"

/** How a suite withdraws tokens in the world under test: what Plant does in the real one. */
export class Withdrawals extends Context.Service<
  Withdrawals,
  {
    readonly revoke: (tokenId: string) => Effect.Effect<void>
    readonly setVersion: (userId: string, version: number) => Effect.Effect<void>
  }
>()("test/contract/Withdrawals") {}

/** A token of a user that no other test knows. */
const anyToken = (version?: number): RevocableToken & { readonly jti: string } => {
  const jti = randomUUID()
  return {
    jti,
    tokenId: Option.some(jti),
    userId: `user-${randomUUID()}`,
    tokenVersion: Option.fromUndefinedOr(version),
  }
}

const check = (token: RevocableToken) => Revocations.use((revocations) => revocations.check(token))

/** The contract of `Revocations`, which every layer of it passes. */
export const revocationsContract = <E>(world: Layer.Layer<Revocations | Withdrawals, E>): void => {
  describe("of a token that nobody withdrew", () => {
    it.live("the standing is current, with or without a version or an id", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* check(anyToken()), "current")
        assert.strictEqual(yield* check(anyToken(3)), "current")
        assert.strictEqual(yield* check({ ...anyToken(), tokenId: Option.none() }), "current")
      }).pipe(Effect.provide(world)),
    )
  })

  describe("of a revoked token", () => {
    it.live("the standing is revoked, from the next check on, and no other token's is", () =>
      Effect.gen(function* () {
        const { revoke } = yield* Withdrawals
        const token = anyToken()
        const sibling = { ...anyToken(), userId: token.userId }
        assert.strictEqual(yield* check(token), "current")
        yield* revoke(token.jti)
        assert.strictEqual(yield* check(token), "revoked")
        assert.strictEqual(yield* check(token), "revoked")
        assert.strictEqual(yield* check(sibling), "current")
        assert.strictEqual(yield* check({ ...token, tokenId: Option.none() }), "current")
      }).pipe(Effect.provide(world)),
    )

    it.live("the standing is revoked also when its version is wrong", () =>
      Effect.gen(function* () {
        const { revoke, setVersion } = yield* Withdrawals
        const token = anyToken(1)
        yield* setVersion(token.userId, 2)
        yield* revoke(token.jti)
        assert.strictEqual(yield* check(token), "revoked")
      }).pipe(Effect.provide(world)),
    )
  })

  describe("of a user's tokens whose version is set", () => {
    const cases: ReadonlyArray<readonly [version: number | undefined, set: number, standing: string]> = [
      [2, 2, "current"],
      [0, 0, "current"],
      [1, 2, "version-mismatch"],
      [0, 1, "version-mismatch"],
      [3, 2, "version-mismatch"],
      [undefined, 0, "version-mismatch"],
      [undefined, 1, "version-mismatch"],
    ]
    it.live.each(cases)(
      "that of version %s, when %s is set, has the standing %s",
      ([version, set, standing]) =>
        Effect.gen(function* () {
          const { setVersion } = yield* Withdrawals
          const token = anyToken(version)
          const stranger = anyToken(version)
          yield* setVersion(token.userId, set)
          assert.strictEqual(yield* check(token), standing)
          assert.strictEqual(yield* check(stranger), "current")
        }).pipe(Effect.provide(world)),
    )

    it.live("the last version set holds", () =>
      Effect.gen(function* () {
        const { setVersion } = yield* Withdrawals
        const token = anyToken(2)
        for (const version of [1, 2, 3]) {
          yield* setVersion(token.userId, version)
          assert.strictEqual(yield* check(token), version === 2 ? "current" : "version-mismatch")
        }
      }).pipe(Effect.provide(world)),
    )
  })
}
