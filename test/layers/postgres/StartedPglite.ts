import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as Database from "../../../layers/postgres/Database.ts"
import * as Pglite from "../../../layers/postgres/Pglite.ts"

/** The first question starts it: asked here, its seconds are not those of the first test. */
const asked = Layer.effectDiscard(SqlClient.SqlClient.use((sql) => Effect.orDie(sql`SELECT 1`)))

/** The embedded PostgreSQL, empty. */
export const startedPglite = Layer.provideMerge(asked, Pglite.layer)

/** The same as the gateway has it. */
export const startedDatabase = Layer.provideMerge(asked, Database.layerEmbedded)
