import { assert, it } from "@effect/vitest"
import { Effect, Fiber, type Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { bringUp, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import { applyMissing, type Migrations, migrateBy, stepsOf } from "../../../layers/postgres/Migrations.ts"
import { statusOf } from "../../../layers/postgres/MigrationState.ts"
import { describeLive } from "../../Live.ts"
import { loggedIn } from "../../Logged.ts"
import { untilSeen } from "../../Until.ts"
import { personIn } from "./FlagsUnderTest.ts"
import { contents, fill, migrationWorld, ownDatabase, steps, unhurried } from "./MigrationWorld.ts"

const wish = { to: Option.none<number>(), dryRun: false, withoutData: false }
const to = (number: number) => ({ ...wish, to: Option.some(number) })
const start = migrateBy(steps)
const states = Effect.map(statusOf(steps), (found) => found.map(({ state }) => state))

await describeLive("Migrations at the start of the gateway", "TEST_DATABASE_URL", (url) => {
  const started = <A, E>(
    name: string,
    test: (
      world: Effect.Success<ReturnType<typeof migrationWorld>>,
    ) => Effect.Effect<A, E, Layer.Success<Effect.Success<ReturnType<typeof migrationWorld>>["client"]>>,
  ) =>
    it.live(name, () =>
      Effect.gen(function* () {
        const world = yield* migrationWorld(url)
        yield* Effect.provide(Effect.andThen(start, test(world)), world.client)
      }),
    )

  started("never apply what was taken down on purpose, and the log says so", () =>
    Effect.gen(function* () {
      yield* fill
      const before = yield* contents
      yield* takeDown(steps, to(1))
      const down = yield* contents
      const lines: Array<string> = []
      for (let instance = 0; instance < 3; instance++)
        assert.deepStrictEqual(yield* Effect.provide(start, loggedIn(lines)), [])
      assert.deepStrictEqual(yield* contents, down)
      assert.lengthOf(lines, 3)
      assert.match(
        lines[0] ?? "",
        /^Warn: From 0002_index on no start applies a migration, because that one was taken down on purpose, by \S+, as \S+ at \d{4}-/,
      )
      yield* bringUp(steps, wish)
      assert.deepStrictEqual(yield* contents, before)
      assert.deepStrictEqual(yield* Effect.provide(start, loggedIn(lines)), [])
      assert.lengthOf(lines, 3)
    }),
  )

  started("never apply a newer step above one that was taken down", () =>
    Effect.gen(function* () {
      yield* takeDown(steps, wish)
      const newer: Migrations = {
        ...steps,
        "0004_newer": { tables: [], up: Effect.void, down: Effect.void },
      }
      assert.deepStrictEqual(yield* migrateBy(newer), [])
      assert.deepStrictEqual(
        (yield* bringUp(newer, wish)).map(({ id }) => id),
        [3, 4],
      )
      assert.deepStrictEqual(yield* migrateBy(newer), [])
    }),
  )

  started("still apply what is missing below one that was taken down", () =>
    Effect.gen(function* () {
      yield* takeDown(steps, to(0))
      yield* bringUp(steps, to(1))
      const sql = yield* SqlClient.SqlClient
      // As an operator who wants the second step back, and not the third.
      yield* sql`DELETE FROM gateway_migration_journal WHERE migration_id = 2`
      assert.deepStrictEqual(yield* start, [[2, "index"]])
      assert.deepStrictEqual(yield* states, ["applied", "applied", "taken down"])
    }),
  )

  // A version without a journal may start in the meantime.
  started(
    "by a version that knows no journal lose nothing: neither what was exported, nor what came after",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* fill
        const [down] = yield* takeDown(steps, wish)
        yield* sql.withTransaction(applyMissing(stepsOf(steps)))
        yield* sql`INSERT INTO events VALUES (1, 'new')`
        assert.deepStrictEqual((yield* states).at(-1), "applied again, without its data")
        for (const refused of [takeDown(steps, wish), bringUp(steps, wish)]) {
          const failure = yield* Effect.flip(refused)
          assert.match(
            failure.message,
            /^0003_events was taken down at .*--to 3 --without-data` leaves it so/,
          )
          assert.include(failure.message, down?.tables[0]?.location ?? "no export")
        }
        yield* bringUp(steps, { ...to(3), withoutData: true })
        assert.deepStrictEqual(yield* states, ["applied", "applied", "applied"])
        assert.deepStrictEqual(yield* sql`SELECT text FROM events`, [{ text: "new" }])
      }),
  )

  it.live("fail, and can be tried again, when the connection is lost", () =>
    Effect.gen(function* () {
      const { client } = yield* migrationWorld(url)
      let tries = 0
      const cut: Migrations = {
        "0001_cut": {
          tables: [],
          up: SqlClient.SqlClient.use((sql) =>
            Effect.asVoid(tries++ === 0 ? sql`SELECT pg_terminate_backend(pg_backend_pid())` : sql`SELECT 1`),
          ),
          down: Effect.void,
        },
      }
      yield* Effect.gen(function* () {
        const failure = yield* Effect.flip(migrateBy(cut))
        assert.strictEqual(failure._tag, "MigrationError")
        assert.deepStrictEqual(yield* migrateBy(cut), [[1, "cut"]])
      }).pipe(Effect.provide(client))
    }),
  )

  it.live("the last one is taken down once by two who do so at once", () =>
    Effect.gen(function* () {
      const { client, url: own } = yield* migrationWorld(yield* ownDatabase(url))
      const asOne = Effect.exit(Effect.provide(takeDown(steps, wish), client))
      yield* Effect.provide(start, client)
      const watch = yield* personIn(own)
      const both = yield* Effect.provide(
        unhurried((sql) =>
          Effect.gen(function* () {
            yield* sql`SELECT pg_advisory_xact_lock(${0x67617465776179n})`
            const begun = yield* Effect.forkDetach(Effect.all([asOne, asOne], { concurrency: 2 }))
            yield* untilSeen(
              watch<{ n: number }>(
                "SELECT count(*)::int AS n FROM pg_locks JOIN pg_database ON oid = database " +
                  "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()",
              ),
              ([found]) => found?.n === 2,
            )
            return begun
          }),
        ),
        client,
      )
      const exits = yield* Fiber.join(both)
      assert.deepStrictEqual(exits.map(({ _tag }) => _tag).toSorted(), ["Failure", "Success"])
      assert.deepStrictEqual(yield* Effect.provide(states, client), ["applied", "applied", "taken down"])
    }),
  )

  it.live("of many instances at once are applied once, whoever takes them down and up meanwhile", () =>
    Effect.gen(function* () {
      const { client } = yield* migrationWorld(url)
      const before = yield* Effect.provide(Effect.andThen(Effect.andThen(start, fill), contents), client)
      const act = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof client>>) =>
        Effect.provide(effect, client)
      for (let round = 0; round < 3; round++) {
        yield* Effect.all(
          [
            act(start),
            act(takeDown(steps, to(0))),
            act(start),
            act(bringUp(steps, to(2))),
            // Who meant a step that is not the last one any more takes none.
            Effect.catchTag(act(takeDown(steps, wish)), "MigrateFailed", () => Effect.void),
            act(start),
            act(bringUp(steps, wish)),
          ],
          { concurrency: "unbounded" },
        )
        // Whatever the order was, no row is lost.
        yield* act(bringUp(steps, wish))
        assert.deepStrictEqual(yield* act(contents), before)
      }
    }),
  )
})
