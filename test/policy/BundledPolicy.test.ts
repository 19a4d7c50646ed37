import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "../../build.ts"
import { compiledRevision } from "../contract/PolicyEngine.ts"
import { run } from "../e2e/Program.ts"

/** Far from this project, so that nothing is found that is not in the bundle. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-bundle-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true })),
)

it.live("the compiled policy is in the bundle, and decides there as in the sources", () =>
  Effect.gen(function* () {
    const directory = yield* folder
    yield* Effect.promise(() => bundle("test/policy/fixtures/decides.ts", directory))
    const { printed } = yield* run(["node", "main.js"], directory)
    const [answer] = yield* printed(/^\{.*\}$/)
    assert.deepStrictEqual(JSON.parse(answer), { allow: true, revision: compiledRevision })
  }),
)
