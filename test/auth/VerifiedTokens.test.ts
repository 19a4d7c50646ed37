import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { inspect } from "node:util"
import { BoundedMemory } from "../../src/auth/BoundedMemory.ts"
import type { Identity } from "../../src/auth/ConstitutionalContext.ts"
import { makeVerifiedTokens, tokenDigest } from "../../src/auth/VerifiedTokens.ts"

const identity: Identity = {
  portal: "CP",
  userId: "user-7",
  email: "seven@customer.example",
  customerId: Option.some("customer-3"),
  roles: ["customer"],
  isGovernor: false,
  trial: false,
  trialExpiresAt: Option.none(),
  agentId: Option.none(),
  governorAgentId: Option.none(),
  tokenId: Option.none(),
  tokenVersion: Option.none(),
  issuedAt: 0,
  expiresAt: 100,
}

describe("a bounded memory", () => {
  it("never holds more than its capacity, and always the newest half of it", () => {
    const memory = new BoundedMemory<number>(10)
    for (let i = 0; i < 1000; i++) {
      memory.set(`key-${i}`, i)
      assert.isAtMost(memory.size, 10)
      for (let recent = Math.max(0, i - 4); recent <= i; recent++) {
        assert.strictEqual(memory.get(`key-${recent}`), recent)
      }
    }
  })

  it("keeps what is read again and again while a flood passes", () => {
    const memory = new BoundedMemory<string>(10)
    memory.set("wanted", "value")
    for (let i = 0; i < 1000; i++) {
      memory.set(`flood-${i}`, "noise")
      assert.strictEqual(memory.get("wanted"), "value")
    }
  })

  it("forgets what it is told to, wherever it is", () => {
    const memory = new BoundedMemory<number>(4)
    for (const key of ["old", "a", "b", "new"]) memory.set(key, 1)
    for (const key of ["old", "new"]) {
      memory.delete(key)
      assert.isUndefined(memory.get(key))
    }
  })

  it("holds the last value of a key", () => {
    const memory = new BoundedMemory<number>(4)
    for (const value of [1, 2, 3]) memory.set("key", value)
    for (const key of ["a", "b"]) memory.set(key, 0)
    memory.set("key", 4)
    assert.strictEqual(memory.get("key"), 4)
  })

  it("of capacity 0 holds nothing", () => {
    const memory = new BoundedMemory<number>(0)
    memory.set("key", 1)
    assert.isUndefined(memory.get("key"))
    assert.strictEqual(memory.size, 0)
  })
})

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
