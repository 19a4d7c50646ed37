import { describe } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { keptFlagsOf } from "../layers/file/KeptFlagsOf.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { keptFlagsContract } from "./KeptFlags.ts"

describe("Flags kept in files", () => {
  keptFlagsContract(
    Effect.map(temporaryFolder, (folder) => ({
      process: Effect.orDie(keptFlagsOf(join(folder, "not/there/yet"))),
    })),
  )
})
