import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { bringUp, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import { stepsOf } from "../../../layers/postgres/Migrations.ts"
import { migrations } from "../../../migrations/index.ts"
import { describeLive } from "../../Live.ts"
import { fillTables } from "./MigrationRows.ts"
import { contents, migrationWorld } from "./MigrationWorld.ts"

const wish = { to: Option.none<number>(), dryRun: false, withoutData: false }

await describeLive("Every migration of the gateway", "TEST_DATABASE_URL", (url) => {
  it.live("goes down by itself and up again, with all rows of all its tables", () =>
    Effect.gen(function* () {
      const { client } = yield* migrationWorld(url)
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* bringUp(migrations, wish)
        yield* fillTables(migrations, 100)
        const steps = stepsOf(migrations)
        for (const table of steps.flatMap(({ tables }) => tables))
          assert.notDeepEqual(yield* sql`SELECT FROM ${sql(table)} LIMIT 1`, [], `${table} has no row`)

        const states = [yield* contents]
        for (const { id } of steps.toReversed()) {
          assert.deepStrictEqual(
            (yield* takeDown(migrations, wish)).map((moved) => moved.id),
            [id],
          )
          states.push(yield* contents)
        }
        assert.deepStrictEqual(states.pop(), [])
        for (const { id } of steps) {
          const [moved] = yield* bringUp(migrations, { ...wish, to: Option.some(id) })
          assert.strictEqual(moved?.id, id)
          assert.deepStrictEqual(yield* contents, states.pop())
        }
      }).pipe(Effect.provide(client))
    }),
  )
})
