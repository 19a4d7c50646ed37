import { assert, it } from "@effect/vitest"
import { Effect, type Layer, Option, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import type { Decision } from "../../src/policy/Decision.ts"
import { type Remembered, SharedDecisions } from "../../src/policy/SharedDecisions.ts"

export const allowed: Decision = {
  allow: true,
  reasons: [],
  obligations: {
    target_backend: "sandbox",
    consume_approval: false,
    budget_override: false,
    role_level: 7,
  },
  permission: "agent.view",
  required_roles: [],
  cache: { allowed: true, until: 1_780_000_060_000 },
}

export const denied: Decision = {
  allow: false,
  reasons: [
    { code: "permission-denied", permission: "user.delete", required_roles: ["admin"] },
    { code: "trial-expired", expires_at: 1_780_000_000_000 },
    { code: "trial-closed-route" },
    { code: "approval-required", action: null, approval: "missing" },
  ],
  obligations: {},
  permission: "user.delete",
  required_roles: ["admin"],
  cache: { allowed: true, until: null },
}

const decidedAt = 1_780_000_000_000.5

/** A key that no other test knows. */
const anyKey = () => `contract-${randomUUID()}`

const get = (key: string) => SharedDecisions.use((shared) => shared.get(key))
const set = (key: string, remembered: Remembered, keepSeconds = 60) =>
  SharedDecisions.use((shared) => shared.set(key, remembered, keepSeconds))

/** The contract of `SharedDecisions`, which every layer of it passes. */
export const sharedDecisionsContract = <E>(world: Layer.Layer<SharedDecisions, E>): void => {
  it.live("what nobody has decided is not found", () =>
    Effect.gen(function* () {
      assert.isTrue(Option.isNone(yield* get(anyKey())))
    }).pipe(Effect.provide(world)),
  )

  it.live("allowances and denials are found whole, with their time", () =>
    Effect.gen(function* () {
      for (const decision of [allowed, denied]) {
        const key = anyKey()
        yield* set(key, { decision, decidedAt })
        assert.deepStrictEqual(yield* get(key), Option.some({ decision, decidedAt }))
      }
    }).pipe(Effect.provide(world)),
  )

  it.live("the last word on a key is found, and no other key's", () =>
    Effect.gen(function* () {
      const [key, other] = [anyKey(), anyKey()]
      yield* set(key, { decision: allowed, decidedAt })
      yield* set(key, { decision: denied, decidedAt: decidedAt + 1 })
      assert.deepStrictEqual(yield* get(key), Option.some({ decision: denied, decidedAt: decidedAt + 1 }))
      assert.isTrue(Option.isNone(yield* get(other)))
    }).pipe(Effect.provide(world)),
  )

  it.live("what has had its time is not found", () =>
    Effect.gen(function* () {
      const [short, long] = [anyKey(), anyKey()]
      yield* set(long, { decision: allowed, decidedAt })
      yield* set(short, { decision: allowed, decidedAt }, 0.05)
      yield* get(short).pipe(
        Effect.repeat({ until: Option.isNone, schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("5 seconds"),
      )
      assert.isTrue(Option.isSome(yield* get(long)))
    }).pipe(Effect.provide(world)),
  )
}
