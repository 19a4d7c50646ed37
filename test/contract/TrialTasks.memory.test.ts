import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryTrialTasks from "../../layers/memory/TrialTasks.ts"
import { TrialTasks } from "../../src/policy/TrialTasks.ts"
import { trialTasksContract } from "./TrialTasks.ts"

describe("TrialTasks in memory", () => {
  trialTasksContract(MemoryTrialTasks.layer)

  it.effect("keep the day before, and no day longer", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      const [first, second, third] = ["2028-02-28", "2028-02-29", "2028-03-01"] as const
      yield* take("customer-1", first, 5)
      yield* take("customer-1", second, 5)
      assert.strictEqual((yield* take("customer-1", first, 5)).count, 2)
      yield* take("customer-1", third, 5)
      assert.strictEqual((yield* take("customer-1", second, 5)).count, 2)
      assert.strictEqual((yield* take("customer-1", first, 5)).count, 1)
    }).pipe(Effect.provide(MemoryTrialTasks.layer)),
  )

  it.effect("count on when the clock is set back by days", () =>
    Effect.gen(function* () {
      const { take } = yield* TrialTasks
      for (const day of ["2028-03-01", "2028-03-02"]) yield* take("customer-1", day, 5)
      yield* take("customer-1", "2028-02-01", 5)
      assert.strictEqual((yield* take("customer-1", "2028-02-01", 5)).count, 2)
    }).pipe(Effect.provide(MemoryTrialTasks.layer)),
  )
})
