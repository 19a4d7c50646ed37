import { Effect } from "effect"
import { knownFlags } from "../../flags/KnownFlags.ts"
import { keptFlagsOf } from "./KeptFlagsOf.ts"

// Saves flags of one revision after another, until it is killed.
const [directory = ""] = process.argv.slice(2)

await Effect.scoped(
  Effect.gen(function* () {
    const { save } = yield* keptFlagsOf(directory)
    for (let revision = 1; ; revision++) yield* save(knownFlags(revision, 2000), 1_764_000_000_000 + revision)
  }),
).pipe(Effect.runPromise)
