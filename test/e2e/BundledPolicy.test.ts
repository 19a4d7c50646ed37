import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { bundle } from "../../build.ts"
import { compiledRevision } from "../layers/wasm/Compiled.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { run } from "./Program.ts"

it.live("the compiled policy is in the bundle, and decides there as in the sources", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.promise(() => bundle("test/e2e/fixtures/decides.ts", folder))
    const { printed } = yield* run(["node", "main.js"], folder)
    const [answer] = yield* printed(/^\{.*\}$/)
    assert.deepStrictEqual(JSON.parse(answer), { allow: true, revision: compiledRevision })
  }),
)
