import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted } from "effect"
import { randomUUID } from "node:crypto"

/** The URL of a schema of the test's own in that database: its tables are there, and go with the test's scope. */
export const ownSchema = (url: string) =>
  Effect.gen(function* () {
    const name = `test_${randomUUID().replaceAll("-", "")}`
    const inDatabase = (statement: string) =>
      PgClient.PgClient.use((sql) => sql.unsafe(statement)).pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(url) })),
        Effect.orDie,
      )
    yield* Effect.acquireRelease(inDatabase(`CREATE SCHEMA ${name}`), () =>
      inDatabase(`DROP SCHEMA ${name} CASCADE`),
    )
    const own = new URL(url)
    own.searchParams.set("options", `-c search_path=${name}`)
    return own.href
  })
