import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"

/**
 * The policies themselves, held to SPEC 6: tested whole, formatted, strict, and compiled from what is committed.
 * What needs the `opa` program is skipped without it, except under `TEST_LIVE=1`, where a missing one is a failure.
 */
const policies = new URL("../../policies/", import.meta.url)
const opa = process.env["TEST_OPA_BIN"] ?? "opa"
const opaIsMissing = process.env["TEST_LIVE"] !== "1" && spawnSync(opa, ["version"]).status !== 0

const run = (program: string, ...args: ReadonlyArray<string>) =>
  spawnSync(program, args, { cwd: policies, encoding: "utf8" })

const named = (suffix: string) => readdirSync(policies).filter((name) => name.endsWith(suffix))

const rego = named(".rego")

/** What a policy may import from its host, by the ABI of OPA. */
const hostFunctions = [
  "opa_abort",
  "opa_println",
  "opa_builtin0",
  "opa_builtin1",
  "opa_builtin2",
  "opa_builtin3",
  "opa_builtin4",
]

const refuse = () => {
  throw new Error("The policy called its host.")
}

describe("the compiled policy", () => {
  it("is what its sources make", () => {
    const { status, stderr } = run(process.execPath, "build.ts", "--check")
    assert.strictEqual(status, 0, stderr)
  })

  it("needs no function of its host", () => {
    const memory = new WebAssembly.Memory({ initial: 5 })
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(readFileSync(new URL("compiled/policy.wasm", policies))),
      { env: { memory, ...Object.fromEntries(hostFunctions.map((name) => [name, refuse])) } },
    )
    const call = (name: string, ...args: ReadonlyArray<number>): number => {
      const exported = exports[name]
      if (typeof exported !== "function") throw new Error(`The policy does not export ${name}.`)
      return exported(...args)
    }
    const text = (address: number) => {
      const bytes = Buffer.from(memory.buffer)
      return bytes.toString("utf8", address, bytes.indexOf(0, address))
    }
    assert.deepStrictEqual(JSON.parse(text(call("opa_json_dump", call("builtins")))), {})
    assert.deepStrictEqual(JSON.parse(text(call("opa_json_dump", call("entrypoints")))), {
      "gateway/decision/decision": 0,
      "gateway/batch/decisions": 1,
    })
  })
})

describe("the policies' sources", () => {
  it("have a test file each", () => {
    const tests = new Set(named("_test.rego"))
    const untested = rego
      .filter((name) => !tests.has(name))
      .filter((name) => !tests.has(name.replace(".rego", "_test.rego")))
    assert.deepStrictEqual(untested, [])
  })

  it.skipIf(opaIsMissing)("pass their tests, which reach every rule", () => {
    const tests = run(opa, "test", ...rego, "data.json")
    assert.strictEqual(tests.status, 0, tests.stdout + tests.stderr)
    const { status, stdout } = run(opa, "test", "--coverage", "--threshold", "100", ...rego, "data.json")
    assert.strictEqual(status, 0, stdout)
  })

  it.skipIf(opaIsMissing)("pass OPA's strict check", () => {
    const { status, stderr } = run(opa, "check", "--strict", ...rego, "data.json")
    assert.strictEqual(status, 0, stderr)
  })

  it.skipIf(opaIsMissing)("are formatted", () => {
    const { status, stdout, stderr } = run(opa, "fmt", "--diff", "--fail", ...rego)
    assert.strictEqual(status, 0, stdout + stderr)
  })
})
