import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Database, layerEmbedded } from "../../../layers/postgres/Database.ts"
import { startedDatabase } from "./StartedPglite.ts"

describe("The embedded PostgreSQL", () => {
  it.live("starts with the first question, and costs nothing before", () =>
    Effect.gen(function* () {
      const [took, { probe }] = yield* Effect.timed(Effect.provide(Database, layerEmbedded))
      assert.isBelow(Duration.toMillis(took), 1000)
      const line = { name: "postgres", status: "up", detail: "Starts with the first question." } as const
      assert.deepStrictEqual(yield* probe, line)
      assert.deepStrictEqual(yield* probe, line)
    }),
  )

  layer(startedDatabase, { timeout: "2 minutes" })("once started", (test) => {
    test.effect("answers, with all migrations applied", () =>
      Effect.gen(function* () {
        const { ask, probe, sql } = yield* Database
        assert.deepStrictEqual(yield* ask(sql`SELECT count(*)::int AS rows FROM gateway_approvals`), [
          { rows: 0 },
        ])
        assert.deepStrictEqual(yield* probe, { name: "postgres", status: "up", detail: "Answered." })
      }),
    )

    test.effect("fails what is wrong, and goes on", () =>
      Effect.gen(function* () {
        const { ask, sql } = yield* Database
        const failure = yield* Effect.flip(ask(sql`SELECT 1/0`))
        assert.strictEqual(failure._tag, "SqlError")
        assert.deepStrictEqual(yield* ask(sql`SELECT 1 AS one`), [{ one: 1 }])
      }),
    )

    test.effect("answers many who ask at once, each what it asked", () =>
      Effect.gen(function* () {
        const { ask, sql } = yield* Database
        const numbers = Array.from({ length: 100 }, (_, index) => index)
        const answers = yield* Effect.forEach(
          numbers,
          (n) => ask(sql<{ n: number }>`SELECT ${n}::int AS n`),
          {
            concurrency: "unbounded",
          },
        )
        assert.deepStrictEqual(
          answers.map(([row]) => row?.n),
          numbers,
        )
      }),
    )

    test.effect("undoes the transaction of who is interrupted in it", () =>
      Effect.gen(function* () {
        const { ask, sql } = yield* Database
        yield* ask(sql`CREATE TABLE unfinished (n int)`)
        const begun = yield* Effect.forkChild(
          ask(sql.withTransaction(Effect.andThen(sql`INSERT INTO unfinished VALUES (1)`, Effect.never))),
        )
        yield* Effect.yieldNow
        yield* Fiber.interrupt(begun)
        assert.deepStrictEqual(yield* ask(sql`SELECT n FROM unfinished`), [])
      }),
    )

    // PGlite has one session for all connections, and would keep what it was told by one for the next.
    test.effect("keeps nothing of a connection's for the next", () =>
      Effect.gen(function* () {
        const { ask, sql } = yield* Database
        yield* ask(sql`CREATE TEMP TABLE of_this_connection (n int)`)
        yield* ask(sql`SET statement_timeout = '7s'`)
        // The pool gives up a connection that nobody used for a minute.
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(yield* ask(sql`SELECT to_regclass('of_this_connection') IS NULL AS gone`), [
          { gone: true },
        ])
        assert.deepStrictEqual(yield* ask(sql`SHOW statement_timeout`), [{ statement_timeout: "0" }])
      }),
    )
  })
})
