import { assert, describe, it } from "@effect/vitest"
import * as PgClient from "@effect/sql-pg/PgClient"
import { ConfigProvider, Context, Duration, Effect, Fiber, Layer, Redacted, Schedule } from "effect"
import { SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { Database, layer, layerUrl } from "../../../layers/postgres/Database.ts"
import { ConfigFaults } from "../../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../../src/config/GatewayConfig.ts"
import { Lifecycle } from "../../../src/http/Lifecycle.ts"
import { startRelay } from "../../TcpRelay.ts"
import { describeLive } from "../../Live.ts"
import { loggedIn } from "../../Logged.ts"
import { untilSeen } from "../../Until.ts"
import { ownSchema } from "./OwnSchema.ts"

const opened = (url: string, connections = 10) =>
  Effect.map(Layer.build(Layer.fresh(layerUrl(Redacted.make(url), connections))), (context) =>
    Context.get(context, Database),
  )

/** As the gateway has it, with these variables. */
const configured = (env: Readonly<Record<string, string>>) =>
  layer.pipe(
    Layer.provideMerge(Lifecycle.layer),
    Layer.provide(GatewayConfig.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { POSTGRES_LAYER: "pg", ...env } }))),
  )

/** What `/ready` says of PostgreSQL, once it is `wanted`. */
const readyLine = (wanted: "up" | "down") =>
  untilSeen(
    Lifecycle.use(({ dependencies }) => dependencies),
    ([line]) => line?.status === wanted,
  )

await describeLive("PostgreSQL as the gateway uses it", "TEST_DATABASE_URL", (url) => {
  it.live("ends a statement that takes too long, and the one who asks hears it in time", () =>
    Effect.gen(function* () {
      const { ask, sql } = yield* opened(yield* ownSchema(url))
      yield* ask(sql`SELECT 1`)
      const [took, failure] = yield* Effect.timed(Effect.flip(ask(sql`SELECT pg_sleep(20)`)))
      assert.isBelow(Duration.toMillis(took), 1500)
      assert.instanceOf(failure, SqlError.SqlError)
      assert.strictEqual(failure.reason._tag, "StatementTimeoutError")
    }),
  )

  it.live("replaces the connections that an administrator ends", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const { ask, sql } = yield* opened(own, 1)
      const beside = yield* opened(own)
      const pidOf = Effect.map(ask(sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`), ([row]) => row?.pid)
      const pid = yield* pidOf
      yield* beside.ask(beside.sql`SELECT pg_terminate_backend(${pid})`)
      const next = yield* pidOf.pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.timeout("5 seconds"))
      assert.notStrictEqual(next, pid)
    }),
  )

  it.live("fails a transaction that loses its connection", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(yield* ownSchema(url))
      const { ask, sql } = yield* opened(relay.url)
      yield* ask(sql`SELECT 1`)
      const broken = Effect.andThen(relay.vanish, sql`SELECT 1`)
      const failure = yield* Effect.flip(ask(sql.withTransaction(Effect.andThen(sql`SELECT 1`, broken))))
      assert.instanceOf(failure, SqlError.SqlError)
    }),
  )

  it.live("is not said to be away by a question that it has refused", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const { ask, sql } = yield* Effect.provide(opened(yield* ownSchema(url)), loggedIn(lines))
      yield* ask(sql`SELECT 1`)
      const before = lines.length
      yield* Effect.flip(ask(sql`SELECT FROM no_such_table`))
      yield* ask(sql`SELECT 1`)
      assert.deepStrictEqual(lines.slice(before), [])
    }),
  )

  // After a failover the old server may go on answering.
  it.effect("gives up a connection after a minute, also one that is never idle", () =>
    Effect.gen(function* () {
      const { ask, sql } = yield* opened(yield* ownSchema(url), 1)
      const pidAfter = (seconds: number) =>
        Effect.andThen(
          TestClock.adjust(`${seconds} seconds`),
          Effect.map(ask(sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`), ([row]) => row?.pid),
        )
      const pid = yield* pidAfter(0)
      assert.strictEqual(yield* pidAfter(25), pid)
      assert.strictEqual(yield* pidAfter(25), pid)
      assert.notStrictEqual(yield* pidAfter(25), pid)
    }),
  )

  it.live("has no more connections than it is told, under the gateway's name", () =>
    Effect.gen(function* () {
      const { ask, sql } = yield* opened(yield* ownSchema(url), 3)
      const sessions = sql<{ sessions: number }>`
        SELECT count(*)::int AS sessions FROM pg_stat_activity
        WHERE application_name = 'gateway' AND pid IN (SELECT pid FROM pg_locks WHERE objid = 4711)`
      const held = Effect.andThen(sql`SELECT pg_advisory_lock_shared(4711)`, sessions)
      const counts = yield* Effect.all(
        Array.from({ length: 50 }, () => ask(held)),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(Math.max(...counts.map(([row]) => row?.sessions ?? 0)), 3)
    }),
  )

  it.live("does not go on for one who has gone", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const { ask, sql } = yield* opened(own)
      const beside = yield* opened(own)
      const mark = randomUUID()
      const running = beside
        .ask(
          beside.sql`SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE ${`SELECT '${mark}'%`}`,
        )
        .pipe(Effect.map((sessions) => sessions.length))
      const untilRunning = (count: number) => untilSeen(running, (found) => found === count)
      const endless = Effect.andThen(
        sql`SET statement_timeout = 0`,
        sql.unsafe(`SELECT '${mark}', pg_sleep(60)`),
      )
      const asking = yield* Effect.forkChild(ask(sql.withTransaction(endless)))
      yield* untilRunning(1)
      yield* Fiber.interrupt(asking)
      yield* untilRunning(0)
    }),
  )

  it.live("has a line in /ready: up, down while it is away, and up again", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(yield* ownSchema(url))
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* readyLine("up"), [
          { name: "postgres", status: "up", detail: "Answered." },
        ])
        yield* relay.vanish
        assert.deepStrictEqual(yield* readyLine("down"), [
          { name: "postgres", status: "down", detail: "Did not answer." },
        ])
        yield* relay.heal
        yield* readyLine("up")
      }).pipe(Effect.provide(configured({ DATABASE_URL: relay.url })))
    }),
  )

  it.live("is down while the migrations cannot be applied, and up as soon as they can", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      // A schema that is not there, so that no table can be created.
      const missing = own.replace("test_", "missing_")
      const schema = /missing_\w+/.exec(missing)?.[0] ?? assert.fail("no schema")
      const inDatabase = (statement: string) =>
        PgClient.PgClient.use((sql) => sql.unsafe(statement)).pipe(
          Effect.provide(PgClient.layer({ url: Redacted.make(url) })),
        )
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* readyLine("down"), [
          { name: "postgres", status: "down", detail: "The migrations are not applied yet." },
        ])
        yield* Effect.acquireRelease(inDatabase(`CREATE SCHEMA ${schema}`), () =>
          Effect.orDie(inDatabase(`DROP SCHEMA ${schema} CASCADE`)),
        )
        yield* readyLine("up")
      }).pipe(Effect.provide(configured({ DATABASE_URL: missing })))
    }),
  )
})

describe("A wrong DATABASE_URL", () => {
  it.live("fails the start with what is wrong with it, and does not show it", () =>
    Effect.gen(function* () {
      const wrong = layerUrl(Redacted.make("postgres://gateway:secret@db/records?sslmode=prefer"), 10)
      const failure = yield* Effect.flip(Effect.provide(Database, wrong))
      assert.instanceOf(failure, ConfigFaults)
      assert.match(failure.message, /^DATABASE_URL: Its sslmode=prefer leaves it to the network/)
      assert.notInclude(failure.message, "secret")
    }),
  )
})
