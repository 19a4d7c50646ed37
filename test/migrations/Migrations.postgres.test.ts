import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { migrate } from "../../layers/postgres/Migrations.ts"
import * as Pg from "../../layers/postgres/Pg.ts"
import { migrations } from "../../migrations/index.ts"
import { describeLive } from "../Live.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { untilSeen } from "../Until.ts"
import { migrationsContract } from "./Migrations.ts"

const over = (url: string) => Layer.fresh(Pg.layerUrl(Redacted.make(url), 10))

await describeLive("Migrations of PostgreSQL", "TEST_DATABASE_URL", (url) => {
  migrationsContract(Layer.unwrap(Effect.map(ownSchema(url), over)))

  it.live("instances that start at once apply the migrations once", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const own = yield* ownSchema(url)
        const applied = yield* Effect.all(
          Array.from({ length: 6 }, () => Effect.provide(migrate, over(own))),
          { concurrency: "unbounded" },
        )
        assert.deepStrictEqual(applied.map(({ length }) => length).toSorted(), [
          ...Array.from({ length: 5 }, () => 0),
          Object.keys(migrations).length,
        ])
      }
    }),
  )

  it.live("an instance waits for the one that is at it, longer than a statement may take", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const name = randomUUID()
      const named = new URL(own)
      named.searchParams.set("application_name", name)
      const waited = SqlClient.SqlClient.use(
        (sql) => sql`
          SELECT FROM pg_stat_activity
          WHERE application_name = ${name} AND wait_event_type = 'Lock'
            AND clock_timestamp() - query_start > '1200 ms'::interval`,
      )
      const hasWaited = untilSeen(waited, ({ length }) => length === 1).pipe(Effect.provide(over(own)))
      const other = yield* SqlClient.SqlClient.use((sql) =>
        sql.withTransaction(
          Effect.gen(function* () {
            yield* migrate
            const waiting = yield* Effect.forkDetach(Effect.provide(migrate, over(named.href)))
            yield* hasWaited
            return waiting
          }),
        ),
      ).pipe(Effect.provide(over(own)))
      assert.deepStrictEqual(yield* Fiber.join(other), [])
    }),
  )
})
