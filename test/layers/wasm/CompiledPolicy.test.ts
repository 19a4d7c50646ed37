import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { loadWasmPolicy } from "../../../layers/wasm/CompiledPolicy.ts"
import { engineOf } from "../../../layers/wasm/PolicyEngine.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { approval, customer, malformed, sensitive, staff, trial } from "../../policy/Requests.ts"
import { compiledPolicy, compiledRevision } from "./Compiled.ts"

/** A copy of the compiled policy that a test may spoil. */
const copy = Effect.tap(temporaryFolder, (folder) =>
  Effect.sync(() => cpSync(compiledPolicy, folder, { recursive: true })),
)

/** A module of WebAssembly with nothing in it. */
const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)

describe("a compiled policy", () => {
  it.live("says which it is and decides, wherever its directory is", () =>
    Effect.gen(function* () {
      const policy = yield* loadWasmPolicy(yield* copy)
      assert.strictEqual(policy.revision, compiledRevision)
      const { decide } = engineOf(policy)
      assert.isTrue((yield* decide(customer)).allow)
    }),
  )

  const spoilt: ReadonlyArray<readonly [name: string, spoil: (directory: string) => void, why: RegExp]> = [
    ["there is no policy", (directory) => rmSync(join(directory, "policy.wasm")), /ENOENT/],
    ["there is no data", (directory) => rmSync(join(directory, "data.json")), /ENOENT/],
    [
      "the policy is no WebAssembly",
      (directory) => writeFileSync(join(directory, "policy.wasm"), "no"),
      /WebAssembly/,
    ],
    [
      "the policy is another program",
      (directory) => writeFileSync(join(directory, "policy.wasm"), emptyModule),
      /./,
    ],
    ["the data is no JSON", (directory) => writeFileSync(join(directory, "data.json"), "{"), /JSON/],
    ["the data is another's", (directory) => writeFileSync(join(directory, "data.json"), "{}"), /./],
    [
      "the data names no revision",
      (directory) => writeFileSync(join(directory, "data.json"), '{"gateway":{"tables":{}}}'),
      /names no revision/,
    ],
  ]
  it.live.each(spoilt)("is refused, with the reason, when %s", ([, spoil, why]) =>
    Effect.gen(function* () {
      const directory = yield* copy
      spoil(directory)
      const { message } = yield* Effect.flip(loadWasmPolicy(directory))
      assert.include(message, `The compiled policy in ${directory} cannot be used`)
      assert.match(message, why)
    }),
  )

  it.live("without its tables denies everything", () =>
    Effect.gen(function* () {
      const directory = yield* copy
      writeFileSync(join(directory, "data.json"), '{"gateway":{"revision":"bare"}}')
      const { decide } = engineOf(yield* loadWasmPolicy(directory))
      for (const request of [customer, trial, staff, { ...staff, roles: ["admin"] }])
        assert.isFalse((yield* decide(request)).allow)
    }),
  )
})

it.live("text that is no Unicode is read as OPA reads it", () =>
  Effect.gen(function* () {
    const { decide } = engineOf(yield* loadWasmPolicy(compiledPolicy))
    const odd = { ...customer, subject: "\\\ud800\\ud800", resource: "/\udc00", "\ud83d": "\u{1F600}" }
    assert.isTrue((yield* decide(odd)).allow)
    const act = { ...sensitive, resource: "\\ud800" }
    assert.isTrue((yield* decide({ ...act, approval: { ...approval, resource: "\\ud800" } })).allow)
    assert.isFalse((yield* decide({ ...act, approval: { ...approval, resource: "\ud800" } })).allow)
  }),
)

it.live("memory does not grow with decisions", () =>
  Effect.gen(function* () {
    const { decide } = engineOf(yield* loadWasmPolicy(compiledPolicy))
    const requests = [customer, trial, staff, malformed({})]
    const round = Effect.forEach(requests, decide, { discard: true })
    yield* Effect.repeat(round, { times: 100 })
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().external
    yield* Effect.repeat(round, { times: 5000 })
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().external
    assert.isBelow(after - before, 16 * 2 ** 20)
  }),
)
