import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import { SqlClient } from "effect/sql"
import { hash, randomUUID } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bringUp, exportTables, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import type { Migrations } from "../../../layers/postgres/Migrations.ts"
import { statusOf } from "../../../layers/postgres/MigrationState.ts"
import { ObjectStore } from "../../../src/objects/ObjectStore.ts"
import { describeLive } from "../../Live.ts"
import { untilSeen } from "../../Until.ts"
import { clientOf, contents, fill, migrationWorld, steps, unhurried } from "./MigrationWorld.ts"

const wish = { to: Option.none<number>(), dryRun: false, withoutData: false }
const to = (number: number) => ({ ...wish, to: Option.some(number) })
const dry = { ...wish, dryRun: true }

const statesBy = (all: Migrations) => Effect.map(statusOf(all), (found) => found.map(({ state }) => state))
const states = statesBy(steps)
/** All that must not change when something is refused. */
const everything = Effect.all([contents, statusOf(steps)])
const filesIn = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : []

const linesIn = (path: string): number => readFileSync(path, "utf8").split("\n").length - 1

await describeLive("Migrations by hand", "TEST_DATABASE_URL", (url) => {
  /** A test with all steps applied, and rows. */
  const filled = <A, E>(
    name: string,
    test: (
      world: Effect.Success<ReturnType<typeof migrationWorld>>,
    ) => Effect.Effect<A, E, ObjectStore | SqlClient.SqlClient>,
  ) =>
    it.live(name, () =>
      Effect.gen(function* () {
        const world = yield* migrationWorld(url)
        yield* Effect.provide(
          Effect.andThen(Effect.andThen(bringUp(steps, wish), fill), test(world)),
          world.client,
        )
      }),
    )

  describe("down", () => {
    filled("and up again is every row, value, sequence and trigger as it was", () =>
      Effect.gen(function* () {
        const before = yield* contents
        const down = yield* takeDown(steps, to(0))
        assert.deepStrictEqual(
          down.map(({ id }) => id),
          [3, 2, 1],
        )
        assert.deepStrictEqual(yield* contents, [])
        assert.deepStrictEqual(yield* states, ["taken down", "taken down", "taken down"])
        const up = yield* bringUp(steps, wish)
        assert.deepStrictEqual(up, down.toReversed())
        assert.deepStrictEqual(yield* contents, before)
        assert.deepStrictEqual(yield* states, ["applied", "applied", "applied"])
      }),
    )

    filled("takes the last step unless it is told where to stop", () =>
      Effect.gen(function* () {
        const taken = Effect.map(takeDown(steps, wish), (moved) => moved.map(({ name }) => name))
        assert.deepStrictEqual(yield* taken, ["events"])
        assert.deepStrictEqual(yield* taken, ["index"])
        assert.deepStrictEqual(yield* takeDown(steps, to(1)), [])
        assert.deepStrictEqual(yield* taken, ["people"])
        assert.deepStrictEqual(yield* takeDown(steps, wish), [])
      }),
    )

    filled(
      "exports JSON lines in the order of the key, with a manifest that tells their hash",
      ({ folder }) =>
        Effect.gen(function* () {
          const [moved] = yield* takeDown(steps, wish)
          const [exported] = (yield* statusOf(steps)).at(-1)?.exports ?? []
          assert.deepStrictEqual(moved?.tables, [
            { table: "events", rows: 500, location: exported?.location ?? "" },
          ])
          const text = readFileSync(exported?.location ?? "", "utf8")
          const rows = text
            .split("\n")
            .slice(0, -1)
            .map((line): unknown => JSON.parse(line))
          assert.deepStrictEqual(
            rows,
            Array.from({ length: 500 }, (_, index) => ({
              id: String(index + 1),
              text: hash("md5", String(index + 1)),
            })),
          )
          const manifest = filesIn(folder).find((path) => path.endsWith("manifest.json")) ?? ""
          assert.deepInclude(JSON.parse(readFileSync(manifest, "utf8")), {
            migration: "0003_events",
            tables: [
              {
                table: "events",
                key: exported?.key,
                rows: 500,
                sha256: hash("sha256", text),
                columns: [
                  { name: "id", type: "bigint" },
                  { name: "text", type: "text" },
                ],
                sequences: [],
              },
            ],
          })
          assert.strictEqual(exported?.sha256, hash("sha256", text))
        }),
    )

    filled("and up again is every character of the first two planes", () =>
      Effect.gen(function* () {
        yield* unhurried(
          (sql) => sql`
            INSERT INTO "AnyThing" SELECT string_agg(chr(code), '' ORDER BY code) FROM generate_series(1, 131071) AS code
            WHERE code NOT BETWEEN 55296 AND 57343 GROUP BY code / 1000`,
        )
        const before = yield* contents
        yield* takeDown(steps, to(0))
        yield* bringUp(steps, wish)
        assert.deepStrictEqual(yield* contents, before)
      }),
    )

    filled("changes nothing when a policy would hide rows from who exports", ({ folder, url: own }) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const role = `test_${randomUUID().replaceAll("-", "")}`
        const asRole = new URL(own)
        asRole.username = role
        const schema = asRole.searchParams.get("options")?.split("=").at(-1)
        yield* Effect.acquireUseRelease(
          sql.unsafe(`CREATE ROLE ${role} LOGIN`),
          () =>
            Effect.gen(function* () {
              for (const statement of [
                `GRANT ALL ON SCHEMA ${schema} TO ${role}`,
                `GRANT ALL ON effect_sql_migrations TO ${role}`,
                `ALTER TABLE events OWNER TO ${role}`,
                "ALTER TABLE events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
                "CREATE POLICY few ON events USING (id < 10)",
              ])
                yield* sql.unsafe(statement)
              const before = yield* everything
              const failure = yield* Effect.flip(
                Effect.provide(takeDown(steps, wish), clientOf(asRole.href, folder)),
              )
              assert.match(failure.message, /^PostgreSQL refused: .*row-level security/)
              assert.deepStrictEqual(yield* everything, before)
            }),
          () =>
            Effect.orDie(
              Effect.andThen(sql.unsafe(`DROP OWNED BY ${role}`), sql.unsafe(`DROP ROLE ${role}`)),
            ),
        )
      }),
    )

    filled("has what is written until the tables are its own, and lets nobody write after", ({ client }) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const before = yield* contents
        const written = yield* Deferred.make<void>()
        const waits = untilSeen(
          sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass`,
          ({ length }) => length === 1,
        )
        const writer = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`INSERT INTO events VALUES (0, 'late')`
              yield* Deferred.succeed(written, undefined)
              yield* Effect.provide(waits, client)
            }),
          )
          .pipe(Effect.provide(client), Effect.forkChild)
        yield* Deferred.await(written)
        const [moved] = yield* takeDown(steps, wish)
        yield* Fiber.join(writer)
        assert.strictEqual(moved?.tables[0]?.rows, 501)
        yield* bringUp(steps, wish)
        yield* sql`DELETE FROM events WHERE id = 0`
        assert.deepStrictEqual(yield* contents, before)
      }),
    )

    filled("changes nothing when the store does not have what it was given", () =>
      Effect.gen(function* () {
        const before = yield* everything
        const store = yield* ObjectStore
        // A disk that loses the last line of what it keeps.
        const forgetful = ObjectStore.of({
          ...store,
          write: (key, content) =>
            Effect.tap(store.write(key, content), () =>
              Effect.sync(() => {
                const text = readFileSync(store.locate(key), "utf8")
                writeFileSync(store.locate(key), text.replace(/.*\n$/, ""))
              }),
            ),
        })
        const failure = yield* Effect.flip(
          Effect.provideService(takeDown(steps, wish), ObjectStore, forgetful),
        )
        assert.match(failure.message, /holds, which is 500 rows: 500 were written to .*, and 499 are there\./)
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("changes nothing when the store cannot be written to", ({ folder }) =>
      Effect.gen(function* () {
        const before = yield* everything
        writeFileSync(folder, "a file where the directory should be")
        const failure = yield* Effect.flip(takeDown(steps, wish))
        assert.match(failure.message, /cannot be stored.* Nothing was changed\.$/)
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("changes nothing when a step cannot be undone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE VIEW report AS SELECT * FROM events`
        const before = yield* everything
        const failure = yield* Effect.flip(takeDown(steps, to(0)))
        assert.match(failure.message, /^PostgreSQL refused: cannot drop table events.*Nothing was changed\.$/)
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("changes nothing when the connection is lost, and says how to be sure", () =>
      Effect.gen(function* () {
        const before = yield* everything
        const cut: Migrations = {
          ...steps,
          "0003_events": {
            tables: ["events"],
            up: Effect.void,
            down: SqlClient.SqlClient.use((sql) =>
              Effect.asVoid(sql`SELECT pg_terminate_backend(pg_backend_pid())`),
            ),
          },
        }
        const failure = yield* Effect.flip(takeDown(cut, wish))
        assert.match(failure.message, /the connection to it was lost.*`gateway migrate status` says which\.$/)
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("leaves alone what a newer version has applied", () =>
      Effect.gen(function* () {
        const newer: Migrations = {
          ...steps,
          "0004_newer": { tables: [], up: Effect.void, down: Effect.void },
        }
        yield* bringUp(newer, wish)
        const failure = yield* Effect.flip(takeDown(steps, to(0)))
        assert.match(failure.message, /^0004_newer is applied, and this version does not know it\./)
        assert.deepStrictEqual((yield* statusOf(steps)).at(-1)?.known, false)
        assert.deepStrictEqual(yield* statesBy(newer), ["applied", "applied", "applied", "applied"])
      }),
    )
  })

  describe("up", () => {
    filled("to a step applies no later one", () =>
      Effect.gen(function* () {
        yield* takeDown(steps, to(0))
        yield* bringUp(steps, to(2))
        assert.deepStrictEqual(yield* states, ["applied", "applied", "taken down"])
      }),
    )

    filled("without data begins with empty tables, and leaves the exports", ({ folder }) =>
      Effect.gen(function* () {
        const [down] = yield* takeDown(steps, wish)
        const files = filesIn(folder)
        const [up] = yield* bringUp(steps, { ...wish, withoutData: true })
        assert.deepStrictEqual(up?.tables, [
          { table: "events", rows: 0, location: down?.tables[0]?.location ?? "" },
        ])
        assert.deepStrictEqual(yield* SqlClient.SqlClient.use((sql) => sql`SELECT * FROM events`), [])
        assert.deepStrictEqual(filesIn(folder), files)
        assert.deepStrictEqual(yield* states, ["applied", "applied", "applied"])
      }),
    )

    it.live.each([
      ["is missing", (path: string) => rmSync(path), /There is no object .*--without-data/],
      [
        "lacks a line",
        (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace(/.*\n$/, "")),
        /is not what events held when it was exported: 499 rows/,
      ],
      [
        "has another value",
        (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace('"id":"7"', '"id":"-7"')),
        /is not what events held when it was exported: 500 rows/,
      ],
      [
        "is no JSON",
        (path: string) => writeFileSync(path, "x".repeat(100_000)),
        /is not what events held when it was exported: 0 rows/,
      ],
    ] as const)("changes nothing when an export %s", ([, spoil, message]) =>
      Effect.gen(function* () {
        const { client } = yield* migrationWorld(url)
        yield* Effect.gen(function* () {
          yield* Effect.andThen(bringUp(steps, wish), fill)
          const before = yield* contents
          const moved = yield* takeDown(steps, to(1))
          const path = moved[0]?.tables[0]?.location ?? ""
          const right = readFileSync(path)
          spoil(path)
          const down = yield* everything
          for (const each of [wish, dry]) {
            const failure = yield* Effect.flip(bringUp(steps, each))
            assert.match(failure.message, message)
            assert.include(failure.message, path)
            assert.include(failure.message, "Nothing was changed.")
          }
          assert.deepStrictEqual(yield* everything, down)
          writeFileSync(path, right)
          yield* bringUp(steps, wish)
          assert.deepStrictEqual(yield* contents, before)
        }).pipe(Effect.provide(client))
      }),
    )
  })

  describe("a dry run", () => {
    filled("says what would go, with its rows, exports nothing and changes nothing", ({ folder }) =>
      Effect.gen(function* () {
        const before = yield* everything
        const moved = yield* takeDown(steps, { ...to(0), dryRun: true })
        assert.deepStrictEqual(
          moved.flatMap(({ tables }) => tables.map(({ table, rows }) => `${table} ${rows}`)),
          ["events 500", "people 1490", "parts 300", "AnyThing 2", "one 1"],
        )
        assert.deepStrictEqual(filesIn(folder), [])
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("says what would come, restores it to be sure, and changes nothing", () =>
      Effect.gen(function* () {
        const down = yield* takeDown(steps, to(0))
        const before = yield* everything
        assert.deepStrictEqual(yield* bringUp(steps, dry), down.toReversed())
        assert.deepStrictEqual(yield* everything, before)
      }),
    )
  })

  describe("an export", () => {
    filled("has the rows of all steps, or of one, and changes nothing", () =>
      Effect.gen(function* () {
        const before = yield* everything
        const moved = yield* exportTables(steps, Option.none())
        const exported = moved.flatMap(({ tables }) => tables)
        assert.deepStrictEqual(
          exported.map(({ table, rows }) => `${table} ${rows}`),
          ["people 1490", "parts 300", "AnyThing 2", "one 1", "events 500"],
        )
        assert.deepStrictEqual(
          exported.map(({ location }) => linesIn(location ?? "")),
          exported.map(({ rows }) => rows),
        )
        assert.deepStrictEqual(
          (yield* exportTables(steps, Option.some(3))).map(({ name }) => name),
          ["events"],
        )
        assert.deepStrictEqual(yield* everything, before)
      }),
    )

    filled("is of one moment, and nobody waits for it", ({ client }) =>
      Effect.gen(function* () {
        const store = yield* ObjectStore
        const insert = SqlClient.SqlClient.use((sql) => sql`INSERT INTO events VALUES (0, 'meanwhile')`)
        // While the first table is written, somebody else writes to the last.
        const busy = ObjectStore.of({
          ...store,
          write: (key, content) =>
            key.endsWith("/people.jsonl")
              ? Effect.andThen(Effect.orDie(Effect.provide(insert, client)), store.write(key, content))
              : store.write(key, content),
        })
        const moved = yield* Effect.provideService(exportTables(steps, Option.none()), ObjectStore, busy)
        assert.strictEqual(moved.at(-1)?.tables[0]?.rows, 500)
      }),
    )
  })

  filled("a number that no migration has is refused", () =>
    Effect.gen(function* () {
      for (const refused of [
        takeDown(steps, to(4)),
        bringUp(steps, to(4)),
        exportTables(steps, Option.some(4)),
      ]) {
        const failure = yield* Effect.flip(refused)
        assert.match(failure.message, /^There is no migration 4\b/)
      }
    }),
  )
})
