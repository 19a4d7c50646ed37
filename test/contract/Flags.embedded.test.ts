import { describe, layer } from "@effect/vitest"
import { embeddedFlags, recordRollout } from "../layers/postgres/FlagsUnderTest.ts"
import { flagFeedTests } from "./FlagFeed.ts"
import { flagStoreTests } from "./FlagStore.ts"

// Together, because the embedded PostgreSQL takes seconds to start.
layer(embeddedFlags, { timeout: "2 minutes", excludeTestServices: true })(
  "In the embedded PostgreSQL",
  (it) => {
    describe("FlagFeed keeps its contract:", () => {
      flagFeedTests(it, recordRollout)
    })
    describe("FlagStore keeps its contract:", () => {
      flagStoreTests(it)
    })
  },
)
