import { describe } from "@effect/vitest"
import { MemoryFlags } from "../flags/MemoryFlags.ts"
import { flagStoreContract } from "./FlagStore.ts"

describe("FlagStore on a stand-in of the database", () => {
  flagStoreContract(MemoryFlags.layer)
})
