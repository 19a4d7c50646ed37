import { assert, it } from "@effect/vitest"
import { table } from "../../src/cli/Table.ts"

it("the columns of a table are aligned under its head, and no line ends in spaces", () => {
  const text = table(
    ["NAME", "STATE", "WHY"],
    [
      ["plant", "forced open", "Maintenance."],
      ["policy-engine", "closed", ""],
    ],
  )
  assert.deepStrictEqual(text.split("\n"), [
    "NAME           STATE        WHY",
    "plant          forced open  Maintenance.",
    "policy-engine  closed",
  ])
})

it("what anyone may have written moves no cursor and turns no line around", () => {
  assert.strictEqual(table(["WHY"], [["\u001b[2Jgone\n\u202etxt"]]), "WHY\n[2Jgonetxt")
})
