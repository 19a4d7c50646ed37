import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import * as FileObjectStore from "../../../layers/file/ObjectStore.ts"
import type { Migrations } from "../../../layers/postgres/Migrations.ts"
import * as Pg from "../../../layers/postgres/Pg.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { ownSchema } from "./OwnSchema.ts"

/** A database of the test's own, for all who migrate one database wait for each other. It goes with the test's scope. */
export const ownDatabase = (url: string) =>
  Effect.gen(function* () {
    const name = `test_${randomUUID().replaceAll("-", "")}`
    const inServer = (statement: string) =>
      PgClient.PgClient.use((sql) => sql.unsafe(statement)).pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(url) })),
        Effect.orDie,
      )
    yield* Effect.acquireRelease(inServer(`CREATE DATABASE ${name}`), () =>
      inServer(`DROP DATABASE ${name} WITH (FORCE)`),
    )
    const own = new URL(url)
    own.pathname = name
    return own.href
  })

/** A schema with nothing in it, a directory for exports, and any number of clients of both. */
export const migrationWorld = Effect.fnUntraced(function* (url: string) {
  const own = yield* ownSchema(url)
  const folder = join(yield* temporaryFolder, randomUUID())
  return { url: own, folder, client: clientOf(own, folder) }
})

/** A client of its own for each who gets it. */
export const clientOf = (url: string, folder: string) =>
  Layer.fresh(Layer.merge(FileObjectStore.layer(folder), Pg.layerUrl(Redacted.make(url), 2)))

/** As long as it takes, on whatever machine. */
export const unhurried = <A, E, R>(work: (sql: SqlClient.SqlClient) => Effect.Effect<A, E, R>) =>
  SqlClient.SqlClient.use((sql) =>
    sql.withTransaction(
      Effect.andThen(
        sql`SELECT set_config('statement_timeout', '0', true)`,
        Effect.suspend(() => work(sql)),
      ),
    ),
  )

const statements = (texts: ReadonlyArray<string>) =>
  unhurried((sql) => Effect.forEach(texts, (text) => sql.unsafe(text), { discard: true }))

/** Three steps, with all that is hard to take away and bring back. */
export const steps: Migrations = {
  "0001_people": {
    tables: ["people", "parts", "AnyThing", "one"],
    up: statements([
      "CREATE TYPE mood AS ENUM ('sad', 'it''s \"fine\"')",
      `CREATE TABLE people (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        legacy serial,
        amount numeric,
        doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
        cents numeric(20, 6),
        ratio double precision,
        small real,
        at timestamptz,
        local timestamp,
        day date,
        hour timetz,
        spell interval,
        doc jsonb,
        raw json,
        bytes bytea,
        tags text[],
        grid int[],
        docs jsonb[],
        note text,
        fixed char(5),
        letter "char",
        mood mood,
        flag boolean,
        address inet,
        key uuid,
        period tstzrange,
        "Mixed ""Case""" text
      )`,
      `CREATE TABLE parts (
        name text,
        place int,
        person bigint REFERENCES people,
        PRIMARY KEY (person, place, name)
      )`,
      // Without a key.
      `CREATE TABLE "AnyThing" (note text)`,
      "CREATE TABLE one (the boolean PRIMARY KEY DEFAULT true CHECK (the), said text)",
      "INSERT INTO one (said) VALUES ('nothing yet')",
      `CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
        $$ BEGIN INSERT INTO "AnyThing" VALUES ('noted'); RETURN NULL; END $$`,
      "CREATE TRIGGER noting AFTER INSERT ON people FOR EACH STATEMENT EXECUTE FUNCTION note_it()",
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'what is written stays'; END $$`,
      "CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON one FOR EACH ROW EXECUTE FUNCTION refuse()",
      "ALTER TABLE one ENABLE ALWAYS TRIGGER stays",
      "CREATE TRIGGER asleep BEFORE INSERT ON one FOR EACH ROW EXECUTE FUNCTION refuse()",
      "ALTER TABLE one DISABLE TRIGGER asleep",
    ]),
    down: statements([
      `DROP TABLE parts, "AnyThing", one, people`,
      "DROP FUNCTION note_it, refuse",
      "DROP TYPE mood",
    ]),
  },
  "0002_index": {
    tables: [],
    up: statements(["CREATE INDEX people_by_note ON people (note)"]),
    down: statements(["DROP INDEX people_by_note"]),
  },
  "0003_events": {
    tables: ["events"],
    up: statements(["CREATE TABLE events (id bigint PRIMARY KEY, text text NOT NULL)"]),
    down: statements(["DROP TABLE events"]),
  },
}

/** Rows for all of them, of which some were deleted or never came to be. */
export const fill = statements([
  `INSERT INTO people (amount, cents, ratio, small, at, local, day, hour, spell, doc, raw, bytes, tags, grid, docs, note,
      fixed, letter, mood, flag, address, key, period, "Mixed ""Case""")
    VALUES
      ('123456789012345678901234567890.000100', 0.100000, '-0', '3.4028235e38', '2026-01-02 03:04:05.678901+09', 'infinity',
        '0044-03-15 BC', '23:59:59.999999-12:30', '1 year -2 mons 3.000001 secs', 'null', E'{"a" : 1,\\n"a":1.50}', '\\x00ff0a22',
        ARRAY['a,b', '"', NULL, ''], '[2:3][0:0]={{1},{2}}', ARRAY['null'::jsonb, NULL, '"x"'],
        E'line\\nline\\r\\n\\t\\\\ "quoted" \\u2028 \\U0001F600 end ', 'a', 'x', 'it''s "fine"', true, '::1/64',
        '6f9619ff-8b86-d011-b42d-00cf4fc964ff', '[2026-01-01,)', E'\\u0001'),
      ('NaN', NULL, 'Infinity', 'NaN', '-infinity', NULL, NULL, NULL, NULL, '"text"', '"text"', '', '{}', NULL, NULL, '',
        '', NULL, NULL, false, NULL, NULL, 'empty', NULL)`,
  "INSERT INTO people (note) SELECT 'person ' || i FROM generate_series(1, 1500) AS i",
  "DELETE FROM people WHERE id > 1490",
  // Not the order of any locale.
  `INSERT INTO parts SELECT name, place, id FROM people, generate_series(1, 2) AS place, unnest(ARRAY['b', 'B', 'a', 'ä', '_'])
    AS name WHERE id <= 30`,
  "INSERT INTO events SELECT i, md5(i::text) FROM generate_series(1, 500) AS i",
  "DROP TRIGGER stays ON one",
  "UPDATE one SET said = 'something'",
  "CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON one FOR EACH ROW EXECUTE FUNCTION refuse()",
  "ALTER TABLE one ENABLE ALWAYS TRIGGER stays",
])

/** Equal when all tables have equal rows, their sequences go on equally, and the same triggers are on. */
export const contents = unhurried((sql) =>
  Effect.gen(function* () {
    const things = yield* sql<{ name: string; kind: string; triggers: string }>`
      SELECT quote_ident(relname) AS name, relkind AS kind,
        (SELECT string_agg(format('%s %s', tgname, tgenabled), ', ' ORDER BY tgname) FROM pg_trigger
          WHERE tgrelid = pg_class.oid AND NOT tgisinternal) AS triggers
      FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'S')
        AND relname NOT IN ('effect_sql_migrations', 'gateway_migration_journal') ORDER BY relname`
    return yield* Effect.forEach(things, ({ name, kind, triggers }) =>
      sql
        .unsafe(
          kind === "S"
            ? `SELECT '${name}' AS name, last_value AS last, is_called AS called FROM ${name}`
            : `SELECT '${name}' AS name, count(*) AS rows, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS hash FROM ${name} AS t`,
        )
        .pipe(Effect.map(([row]) => ({ ...row, triggers }))),
    )
  }),
)
