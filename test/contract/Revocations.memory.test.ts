import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryRevocations from "../../layers/memory/Revocations.ts"
import { Revocations } from "../../src/auth/Revocations.ts"
import { revocationsContract, Withdrawals } from "./Revocations.ts"

describe("Revocations in memory", () => {
  revocationsContract(
    Layer.effect(Withdrawals, MemoryRevocations.RevocationList).pipe(
      Layer.provideMerge(MemoryRevocations.layer),
    ),
  )

  it.effect("outlast every token that they could concern, and are then forgotten", () =>
    Effect.gen(function* () {
      const { revoke } = yield* MemoryRevocations.RevocationList
      const { check } = yield* Revocations
      const token = { tokenId: Option.some("old"), userId: "user-7", tokenVersion: Option.none() }
      yield* revoke("old")
      yield* TestClock.adjust("24 hours")
      yield* revoke("new")
      assert.strictEqual(yield* check(token), "revoked")
      yield* TestClock.adjust("1 hour")
      yield* revoke("newer")
      assert.strictEqual(yield* check(token), "current")
      assert.strictEqual(yield* check({ ...token, tokenId: Option.some("new") }), "revoked")
    }).pipe(Effect.provide(MemoryRevocations.layer)),
  )
})
