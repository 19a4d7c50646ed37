import { describe } from "@effect/vitest"
import * as MemoryRollouts from "../flags/MemoryRollouts.ts"
import { rolloutsContract } from "./Rollouts.ts"

describe("The stand-in of Rollouts", () => {
  rolloutsContract(MemoryRollouts.layer)
})
