import { Effect, Layer } from "effect"
import { describeLive } from "../Live.ts"
import { migratedFlagsOver } from "../layers/postgres/FlagsUnderTest.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { flagStoreContract } from "./FlagStore.ts"

await describeLive("FlagStore in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  flagStoreContract(Layer.unwrap(Effect.map(ownSchema(url), migratedFlagsOver)))
})
