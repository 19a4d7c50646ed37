import { it } from "@effect/vitest"
import { Effect } from "effect"
import { bundle } from "../../build.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { run } from "./Program.ts"

it.live(
  "the embedded PostgreSQL is in the bundle, with its files",
  () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.promise(() => bundle("test/e2e/fixtures/opens-an-approval.ts", folder))
      const { printed } = yield* run(["node", "main.js"], folder)
      yield* printed(/^The approval is pending\.$/m)
    }),
  120_000,
)
