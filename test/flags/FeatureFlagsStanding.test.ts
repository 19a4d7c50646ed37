import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { standingOf } from "../../src/flags/FlagStanding.ts"

const said = (age: number) =>
  standingOf({
    status: {
      state: "stale",
      revision: Option.some(7),
      rows: 2,
      rollout: Option.none(),
      confirmedAt: Option.some(1_000_000),
    },
    isPresumed: false,
    now: 1_000_000 + age * 1000,
    defaultEnabled: false,
  })

describe("the age of flags that the database does not confirm", () => {
  it.each([
    [-5, "0 seconds"],
    [0.6, "1 second"],
    [119, "119 seconds"],
    [120, "2 minutes"],
    [7199, "119 minutes"],
    [7200, "2 hours"],
    [172_799, "47 hours"],
    [172_800, "2 days"],
    [31_536_000, "365 days"],
  ])("of %d seconds is said as %s", (age, words) => {
    assert.strictEqual(
      said(age),
      `The database does not confirm the flags. What it confirmed ${words} ago holds: revision 7, 2 rows, no rollout.`,
    )
  })
})
