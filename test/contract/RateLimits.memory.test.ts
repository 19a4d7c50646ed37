import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryRateLimits from "../../layers/memory/RateLimits.ts"
import { RateLimits } from "../../src/http/RateLimits.ts"
import { rateLimitsContract } from "./RateLimits.ts"

describe("RateLimits in memory", () => {
  rateLimitsContract(MemoryRateLimits.layer)

  it.effect("begin anew with each window", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimits
      const once = take("key", 1, "1 minute")
      assert.isTrue((yield* once).allowed)
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* once, { allowed: false, retryAfter: Duration.seconds(1) })
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* once).allowed)
    }).pipe(Effect.provide(MemoryRateLimits.layer)),
  )
})
