import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { makeVerifiedTokens, tokenDigest } from "../../src/auth/VerifiedTokens.ts"
import { customer } from "./Identities.ts"

const identity = customer()

describe("the verified tokens", () => {
  it("are recalled until their time, to the millisecond", () => {
    const tokens = makeVerifiedTokens(10)
    tokens.remember("digest", identity, 1000)
    assert.strictEqual(tokens.recall("digest", 999), identity)
    assert.isUndefined(tokens.recall("digest", 1000))
    assert.isUndefined(
      tokens.recall("digest", 999),
      "what is over does not come back when the clock is set back",
    )
  })

  it("are forgotten on demand", () => {
    const tokens = makeVerifiedTokens(10)
    tokens.remember("digest", identity, 1000)
    tokens.forget("digest")
    assert.isUndefined(tokens.recall("digest", 0))
  })

  it("are told apart by the whole token, and not kept as such", () => {
    const token = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
    assert.notStrictEqual(tokenDigest(token), tokenDigest(`${token.slice(0, -1)}f`))
    assert.notInclude(tokenDigest(token), "eyJ")
    assert.notInclude(inspect(tokenDigest(token), { depth: 9 }), token.slice(-10))
  })
})
