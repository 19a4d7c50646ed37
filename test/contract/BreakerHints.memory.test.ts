import { describe } from "@effect/vitest"
import * as MemoryBreakerHints from "../../layers/memory/BreakerHints.ts"
import { breakerHintsContract } from "./BreakerHints.ts"

describe("BreakerHints in memory", () => {
  breakerHintsContract(MemoryBreakerHints.layer)
})
