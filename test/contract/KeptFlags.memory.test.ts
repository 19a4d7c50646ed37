import { describe } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryKeptFlags } from "../flags/MemoryKeptFlags.ts"
import { keptFlagsContract } from "./KeptFlags.ts"

describe("Flags kept in memory", () => {
  keptFlagsContract(
    Effect.sync(() => {
      const disk = { kept: undefined }
      return { process: Effect.sync(() => MemoryKeptFlags.open(disk)) }
    }),
  )
})
