import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { migrations } from "../../migrations/index.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { describeLive } from "../Live.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { commandLine } from "./CommandLine.ts"

/** What `gateway migrate ...` prints with this environment, and its exit code. */
const migrate = (line: string, env: Readonly<Record<string, string>>) =>
  commandLine(["migrate", ...line.split(" ")], env)

const url = "postgres://gateway@127.0.0.1:1/gateway"

describe("gateway migrate", () => {
  it.live.each([
    ["nothing", {}],
    ["POSTGRES_LAYER=embedded", { POSTGRES_LAYER: "embedded", DATABASE_URL: url }],
  ] as const)("has nothing to do for the PostgreSQL of a process: with %s", ([, env]) =>
    Effect.gen(function* () {
      const { code, out, err } = yield* migrate("status", env)
      assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
      assert.match(err, /^POSTGRES_LAYER is embedded: [^\n]*$/)
    }),
  )

  it.live.each([
    ["a database", { GATEWAY_PROFILE: "production" }, "DATABASE_URL"],
    ["a database that is one", { DATABASE_URL: "mysql://db/gateway" }, "DATABASE_URL"],
    ["a bucket", { DATABASE_URL: url, OBJECT_STORE_LAYER: "gcs" }, "OBJECT_STORE_BUCKET"],
    ["a profile that there is", { DATABASE_URL: url, GATEWAY_PROFILE: "prodution" }, "GATEWAY_PROFILE"],
  ] as const)("needs %s, and says of nothing else that it is missing", ([, env, variable]) =>
    Effect.gen(function* () {
      const { code, out, err } = yield* migrate("down", { WORKERS: "x", ...env })
      assert.deepStrictEqual({ code, out }, { code: 2, out: "" })
      assert.match(err, new RegExp(`^The configuration has a fault:\\n${variable}: [^\\n]*$`))
    }),
  )

  it.live("says when PostgreSQL is away, and warns of what is misspelt", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* migrate("up", { DATABASE_URL: url, OBJECT_STORE_DIRECTORY: "x" })
      assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
      assert.match(
        err,
        /^OBJECT_STORE_DIRECTORY is not a setting[^\n]*\nPostgreSQL is away, or the connection to it was lost: [^\n]*$/,
      )
    }),
  )
})

await describeLive("gateway migrate on a database", "TEST_DATABASE_URL", (server) => {
  const names = Object.keys(migrations)
  const [first = "", last = ""] = [names[0], names.at(-1)]
  /** All that an operator's machine has. */
  const environment = Effect.gen(function* () {
    const OBJECT_STORE_DIR = yield* temporaryFolder
    return { DATABASE_URL: yield* ownSchema(server), OBJECT_STORE_DIR }
  })

  it.live("takes the last migration down, tells where its rows are, and brings them back", () =>
    Effect.gen(function* () {
      const env = yield* environment
      const done = (line: string) =>
        Effect.map(migrate(line, env), ({ code, out, err }) => {
          assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
          return out
        })
      assert.match(yield* done("status"), new RegExp(`^${first} +not applied +- +- +-$`, "m"))
      assert.strictEqual(yield* done("up"), `Applied ${names.join(", ")}.`)
      assert.strictEqual(yield* done("up"), "There is nothing to apply.")
      assert.match(yield* done("status"), new RegExp(`^${first} +applied +\\d{4}-`, "m"))

      const dryRun = yield* done("down --dry-run")
      assert.match(dryRun, new RegExp(`^Took down ${last}\\. This was a dry run: all of it is undone\\.`))
      assert.deepStrictEqual(readdirSync(env.OBJECT_STORE_DIR), [])

      const down = yield* done("down")
      assert.match(down, new RegExp(`^Took down ${last}\\.\\nMIGRATION +TABLE +ROWS +EXPORT\\n`))
      for (const [, rows = "", path = ""] of down.matchAll(/ +(\d+) +(\/.*)$/gm)) {
        assert.isTrue(path.startsWith(env.OBJECT_STORE_DIR))
        assert.strictEqual(readFileSync(path, "utf8").split("\n").length - 1, Number(rows))
      }
      assert.match(
        yield* done("status"),
        new RegExp(`^${last} +taken down +\\d{4}-\\S+ +\\S+, as \\S+ +\\w+: \\d+ rows`, "m"),
      )
      assert.strictEqual(yield* done("up"), down.replace("Took down", "Applied"))

      assert.match(
        yield* done("export 1"),
        /^Exported 0001_approvals\.\n.*\n0001_approvals +gateway_approvals +0 +\//,
      )
      assert.match(yield* done("down --to 0"), new RegExp(`^Took down ${names.toReversed().join(", ")}\\.`))
      assert.strictEqual(yield* done("down"), "There is nothing to take down.")
      assert.strictEqual(yield* done("export"), "There is nothing to export.")
      assert.match(yield* done("up --to 1 --without-data"), /^Applied 0001_approvals\.\n.*\n.* 0 +\//)
    }),
  )

  it.live("prints JSON for scripts", () =>
    Effect.gen(function* () {
      const env = yield* environment
      const done = (line: string) =>
        Effect.map(migrate(`${line} --json`, env), ({ out }): unknown => JSON.parse(out))
      assert.deepStrictEqual(yield* done("up --to 1"), [{ id: 1, name: "approvals", tables: [] }])
      const table = { table: "gateway_approvals", rows: 0, location: null }
      assert.deepStrictEqual(yield* done("down --dry-run"), [{ id: 1, name: "approvals", tables: [table] }])
      assert.isArray(yield* done("export"))
      assert.deepInclude(yield* Effect.map(done("status"), (rows) => Object(rows)[0]), {
        id: 1,
        name: "approvals",
        state: "applied",
        by: null,
        exports: [],
        known: true,
      })
    }),
  )

  it.live("needs of the production profile only the database", () =>
    Effect.gen(function* () {
      const env = { ...(yield* environment), GATEWAY_PROFILE: "production" }
      const { code, err } = yield* migrate("up", env)
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    }),
  )

  it.live("says on standard error what it refuses, and ends with exit code 1", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* migrate("down --to 99", yield* environment)
      assert.deepStrictEqual(
        { code, out, err },
        { code: 1, out: "", err: "There is no migration 99. Nothing was changed." },
      )
    }),
  )
})
