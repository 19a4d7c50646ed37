import { Effect, Layer } from "effect"
import { describeLive } from "../Live.ts"
import { migratedFlagsOver, recordRollout } from "../layers/postgres/FlagsUnderTest.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { flagFeedContract } from "./FlagFeed.ts"

await describeLive("FlagFeed in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  flagFeedContract(Layer.unwrap(Effect.map(ownSchema(url), migratedFlagsOver)), recordRollout)
})
