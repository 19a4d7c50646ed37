import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { cohortOf, cohorts, isInRollout, percentOf } from "../../src/flags/Cohort.ts"

/** The smallest percent that has the id. */
const bucketOf = (group: string, id: string): number | undefined =>
  Array.from({ length: 101 }, (_, percent) => percent).find((percent) => isInRollout(percent, group, id))

const Percent = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const runs = { arbitrary: { runs: 2000 } }

describe("the hash", () => {
  // Computed with mmh3, which wraps the C++ of murmur3's author.
  it.each([
    ["AB12A", "122", 23],
    ["gateway", "customer-1", 47],
    ["gateway", "Grüße", 78],
    ["gateway", "客户-7", 64],
    ["gateway", "😊", 20],
    ["gateway", "k".repeat(2000), 39],
    ["gateway", "ü".repeat(600), 66],
  ])("is murmur3 of the UTF-8 bytes: %s, %.20s", (group, id, bucket) => {
    assert.strictEqual(bucketOf(group, id), bucket)
  })
})

describe("a rollout by percent", () => {
  it.prop(
    "has everybody at 100, nobody at 0, and who is in stays in as it grows",
    [Schema.String, Schema.String, Percent, Percent],
    ([group, id, one, other]) => {
      assert.isTrue(isInRollout(100, group, id))
      assert.isFalse(isInRollout(0, group, id))
      if (isInRollout(Math.min(one, other), group, id))
        assert.isTrue(isInRollout(Math.max(one, other), group, id))
    },
    runs,
  )

  it.prop(
    "says the same of an id for ever, whatever it was asked between",
    [Schema.String, Schema.String, Schema.String, Percent],
    ([group, id, other, percent]) => {
      const first = isInRollout(percent, group, id)
      isInRollout(percent, other, `${id}${other}`)
      assert.strictEqual(isInRollout(percent, group, id), first)
    },
    runs,
  )
})

describe("a customer's cohort", () => {
  it.prop(
    "is the smallest that has them: each cohort is within the next",
    [Schema.String],
    ([id]) => {
      const first = cohorts.indexOf(cohortOf(id))
      cohorts.forEach((cohort, index) => {
        assert.strictEqual(isInRollout(percentOf[cohort], "gateway", id), index >= first)
      })
    },
    runs,
  )

  it("is never another than it was in an earlier release", () => {
    assert.deepStrictEqual(["customer-2", "customer-3", "customer-1", "customer-6"].map(cohortOf), [
      "canary_5pct",
      "canary_25pct",
      "canary_50pct",
      "stable_100pct",
    ])
  })

  it("of a million ids, 5, 25, 50 and 100 % are in it, within 0.2 points", () => {
    const all = 1_000_000
    const sizes = { canary_5pct: 0, canary_25pct: 0, canary_50pct: 0, stable_100pct: 0 }
    const random = xorshift(20_260_101)
    for (let n = 0; n < all; n++) sizes[cohortOf(`customer-${random()}-${random()}`)]++
    let within = 0
    for (const cohort of cohorts) {
      within += sizes[cohort]
      assert.approximately((within / all) * 100, percentOf[cohort], 0.2)
    }
  })
})

/** Marsaglia's generator of 32 bits: the same numbers in every run. */
const xorshift = (seed: number) => (): string => {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0).toString(36)
}
