import { assert, it } from "@effect/vitest"
import { printableJson, table } from "../../src/cli/Table.ts"

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

it("JSON says what anyone may have written, and moves no cursor either", () => {
  const written = { why: "\u009b2Jgone\n\u202etxt\u2028", more: ["\u{e0001}"] }
  const text = printableJson(written)
  assert.notMatch(text, /[^\P{C}\n]|\u2028/u)
  assert.deepStrictEqual(JSON.parse(text), written)
})
