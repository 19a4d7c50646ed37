import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundle } from "../../build.ts"
import { run } from "../e2e/Program.ts"

/** Far from this project, so that a file that is not in the bundle is not found. */
const folder = mkdtempSync(join(tmpdir(), "gateway-postgres-"))

beforeAll(() => bundle("test/postgres/fixtures/opens-an-approval.ts", folder), 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a bundle", () => {
  it.live(
    "brings the embedded PostgreSQL with its files",
    () =>
      Effect.gen(function* () {
        const { printed } = yield* run(["node", "main.js"], folder)
        yield* printed(/^The approval is pending\.$/m)
      }),
    120_000,
  )
})
