import { describe } from "@effect/vitest"
import { MemoryFlags } from "../flags/MemoryFlags.ts"
import { flagFeedContract } from "./FlagFeed.ts"

describe("FlagFeed on a stand-in of the database", () => {
  flagFeedContract(MemoryFlags.layer, (rollout) => MemoryFlags.use(({ record }) => record(rollout)))
})

describe("FlagFeed on a stand-in of the embedded database", () => {
  flagFeedContract(MemoryFlags.layerUnopened, (rollout) => MemoryFlags.use(({ record }) => record(rollout)))
})
