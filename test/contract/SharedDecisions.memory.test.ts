import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../layers/memory/SharedDecisions.ts"
import { SharedDecisions } from "../../src/policy/SharedDecisions.ts"
import { allowed, sharedDecisionsContract } from "./SharedDecisions.ts"

describe("SharedDecisions in memory", () => {
  sharedDecisionsContract(MemorySharedDecisions.layer)

  it.effect("are kept as long as was asked, to the millisecond", () =>
    Effect.gen(function* () {
      const { get, set } = yield* SharedDecisions
      yield* set("key", { decision: allowed, decidedAt: 0 }, 1.5)
      yield* TestClock.adjust("1499 millis")
      assert.isTrue(Option.isSome(yield* get("key")))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Option.isNone(yield* get("key")))
    }).pipe(Effect.provide(MemorySharedDecisions.layer)),
  )
})
