import { assert, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Option, Redacted, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { Database, layerUrl } from "../../../layers/postgres/Database.ts"
import * as FlagFeedLayer from "../../../layers/postgres/FlagFeed.ts"
import { bringUp, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import { migrations } from "../../../migrations/index.ts"
import { FlagFeed, FlagsUnavailable } from "../../../src/flags/FlagFeed.ts"
import { FlagStore } from "../../../src/flags/FlagStore.ts"
import { following } from "../../contract/FlagFeed.ts"
import { changeOf } from "../../contract/FlagStore.ts"
import { describeLive } from "../../Live.ts"
import { loggedIn } from "../../Logged.ts"
import { startRelay } from "../../TcpRelay.ts"
import { until, untilSeen } from "../../Until.ts"
import { flagsOver, migratedFlagsOver, personIn } from "./FlagsUnderTest.ts"
import { migrationWorld } from "./MigrationWorld.ts"
import { ownSchema } from "./OwnSchema.ts"

/** One instance of the gateway. */
const instance = (url: string) => Layer.build(Layer.fresh(migratedFlagsOver(url)))

const everything = FlagFeed.use(({ since }) => since(Option.none()))
const since = (revision: number) => FlagFeed.use((feed) => feed.since(Option.some(revision)))

const insert = (customerId: string) =>
  `INSERT INTO gateway_feature_flags (customer_id) VALUES ('${customerId}')`

await describeLive("FlagFeed in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  it.live("misses no change whose transaction stayed open while another was made", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const here = yield* instance(own)
      const [slow, fast, watch] = [yield* personIn(own), yield* personIn(own), yield* personIn(own)]
      const start = yield* Effect.provideContext(everything, here)
      yield* slow("BEGIN")
      yield* slow(insert("slow"))
      const [session] = yield* slow<{ pid: number }>("SELECT pg_backend_pid() AS pid")
      const waiting = yield* Effect.forkChild(fast(insert("fast")))
      yield* untilSeen(
        watch(`SELECT FROM pg_stat_activity WHERE pg_blocking_pids(pid) @> ARRAY[${session?.pid}]`),
        ({ length }) => length === 1,
      )
      assert.strictEqual((yield* Effect.provideContext(since(start.revision), here)).revision, start.revision)
      yield* slow("COMMIT")
      const first = yield* Effect.provideContext(since(start.revision), here)
      yield* Fiber.join(waiting)
      const second = yield* Effect.provideContext(since(first.revision), here)
      assert.sameMembers(
        [...first.rows, ...second.rows].map(({ customerId }) => customerId),
        ["slow", "fast"],
      )
    }),
  )

  // Who changes many rows in several statements would otherwise wait for the one who waits for them.
  it.live("stands in no deadlock's way: transactions that change rows in another order queue", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const here = yield* instance(own)
      const people = [yield* personIn(own), yield* personIn(own), yield* personIn(own)]
      const setUp = people[0] ?? assert.fail("nobody")
      const ids = ["a", "b", "c", "d"]
      for (const id of ids) yield* setUp(insert(id))
      const start = yield* Effect.provideContext(everything, here)
      const changeAll = (run: typeof setUp, order: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          yield* run("BEGIN")
          for (const id of order)
            yield* run(
              `UPDATE gateway_feature_flags SET gateway_enabled = NOT gateway_enabled WHERE customer_id = '${id}'`,
            )
          yield* run("COMMIT")
        })
      yield* Effect.all(
        people.map((run, n) =>
          Effect.forEach([0, 1, 2, 3, 4], (round) =>
            changeAll(run, (n + round) % 2 === 0 ? ids : ids.toReversed()),
          ),
        ),
        { concurrency: "unbounded" },
      )
      const end = yield* Effect.provideContext(since(start.revision), here)
      assert.strictEqual(end.revision - start.revision, 3 * 5 * ids.length)
      assert.isTrue(end.rows.every(({ gatewayEnabled }) => gatewayEnabled))
    }),
  )

  it.live("tells everything as of one moment, page by page, while all of it changes", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const here = yield* instance(own)
      const run = yield* personIn(own)
      yield* run(
        "INSERT INTO gateway_feature_flags (customer_id) SELECT 'c' || n FROM generate_series(1, 3500) AS n",
      )
      const flip = run(
        "UPDATE gateway_feature_flags SET gateway_enabled = NOT gateway_enabled, rollout_cohort = 'x' || gateway_enabled",
      )
      const flipping = yield* Effect.forkChild(Effect.forever(flip))
      const revisions = new Set<number>()
      for (let round = 0; revisions.size < 5; round++) {
        const { isWhole, revision, rows } = yield* Effect.provideContext(everything, here)
        revisions.add(revision)
        assert.isTrue(isWhole)
        assert.lengthOf(rows, 3500)
        assert.strictEqual(new Set(rows.map(({ gatewayEnabled }) => gatewayEnabled)).size, 1)
      }
      yield* Fiber.interrupt(flipping)
    }),
  )

  it.live("tells everything anew when more has changed than is told at once", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const here = yield* instance(own)
      const run = yield* personIn(own)
      const start = yield* Effect.provideContext(everything, here)
      const insertMany = (from: number, to: number) =>
        run(
          `INSERT INTO gateway_feature_flags (customer_id) SELECT 'c' || n FROM generate_series(${from}, ${to}) AS n`,
        )
      yield* insertMany(1, 1000)
      const some = yield* Effect.provideContext(since(start.revision), here)
      assert.deepInclude(some, { isWhole: false })
      assert.lengthOf(some.rows, 1000)
      yield* insertMany(1001, 1001)
      const all = yield* Effect.provideContext(since(start.revision), here)
      assert.deepInclude(all, { isWhole: true })
      assert.lengthOf(all.rows, 1001)
    }),
  )

  it.live(
    "has a hundred thousand rows within what a statement may take, changed as one revision",
    () =>
      Effect.gen(function* () {
        const own = yield* ownSchema(url)
        const here = yield* instance(own)
        const run = yield* personIn(own)
        const start = yield* Effect.provideContext(everything, here)
        yield* run(
          "INSERT INTO gateway_feature_flags (customer_id) SELECT 'c' || n FROM generate_series(1, 100000) AS n",
        )
        yield* run("UPDATE gateway_feature_flags SET gateway_enabled = true")
        const { revision, rows } = yield* Effect.provideContext(since(start.revision), here)
        assert.strictEqual(revision - start.revision, 2)
        assert.lengthOf(rows, 100_000)
        assert.isTrue(rows.every(({ gatewayEnabled }) => gatewayEnabled))
      }),
    120_000,
  )
})

/** The same under a name that no other has, and the sessions of that name that listen. */
const listenersOf = Effect.fnUntraced(function* (url: string) {
  const name = randomUUID()
  const named = new URL(url)
  named.searchParams.set("application_name", name)
  const run = yield* personIn(url)
  const pids = Effect.map(
    run<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = '${name}' AND query LIKE 'LISTEN%' AND state = 'idle'`,
    ),
    (rows) => rows.map(({ pid }) => pid),
  )
  return { named: named.href, run, pids, listening: untilSeen(pids, ({ length }) => length === 1) }
})

/** Counts how often something is heard. */
const counting = Effect.gen(function* () {
  let heard = 0
  yield* FlagFeed.use(({ listen }) =>
    listen(
      Effect.sync(() => {
        heard++
      }),
    ),
  )
  return () => heard
})

await describeLive("Who listens to FlagFeed in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  it.live("hears of a change by hand, and asks for nothing before", () =>
    Effect.gen(function* () {
      const { listening, named, run } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const here = yield* instance(named)
      const { heard, row } = yield* Effect.provideContext(following, here)
      yield* listening
      yield* until(() => heard() === 1)
      for (let n = 0; n < 10; n++) {
        yield* run(insert(`c${n}`))
        yield* until(() => row(`c${n}`) !== undefined)
      }
      assert.isAtMost(heard(), 11)
    }),
  )

  it.live("hears on, with what was missed, when an administrator ends the session", () =>
    Effect.gen(function* () {
      const { listening, named, pids, run } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const here = yield* instance(named)
      const { row } = yield* Effect.provideContext(following, here)
      const [pid] = yield* listening
      yield* run(`SELECT pg_terminate_backend(${pid})`)
      yield* untilSeen(pids, (found) => !found.includes(pid ?? 0))
      yield* run(insert("missed"))
      yield* until(() => row("missed") !== undefined)
      yield* listening
      yield* run(insert("heard"))
      yield* until(() => row("heard") !== undefined)
    }),
  )

  it.live("hears that something may have been missed when a server that was away is back", () =>
    Effect.gen(function* () {
      const { listening, named, run } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const relay = yield* startRelay(named)
      const here = yield* instance(relay.url)
      const start = yield* Effect.provideContext(everything, here)
      const heard = yield* Effect.provideContext(counting, here)
      yield* listening
      yield* until(() => heard() === 1)
      yield* relay.vanish
      yield* run(insert("missed"))
      const [took, failure] = yield* Effect.timed(
        Effect.flip(Effect.provideContext(since(start.revision), here)),
      )
      assert.instanceOf(failure, FlagsUnavailable)
      assert.isBelow(Duration.toMillis(took), 1500)
      assert.strictEqual(heard(), 1)
      yield* relay.heal
      yield* until(() => heard() === 2)
      const { rows } = yield* since(start.revision).pipe(
        Effect.retry(Schedule.spaced("20 millis")),
        Effect.provideContext(here),
      )
      assert.deepStrictEqual(
        rows.map(({ customerId }) => customerId),
        ["missed"],
      )
    }),
  )

  it.live("hears as soon as a server is there that was not at the start", () =>
    Effect.gen(function* () {
      const relay = yield* Effect.flatMap(ownSchema(url), startRelay)
      yield* relay.vanish
      const here = yield* Layer.build(Layer.fresh(flagsOver(relay.url)))
      const heard = yield* Effect.provideContext(counting, here)
      assert.instanceOf(yield* Effect.flip(Effect.provideContext(everything, here)), FlagsUnavailable)
      assert.strictEqual(heard(), 0)
      yield* relay.heal
      yield* until(() => heard() === 1)
    }),
  )

  // After a failover the old server may keep the connection, and say nothing.
  it.effect("listens on no connection for longer than a minute", () =>
    Effect.gen(function* () {
      const { listening, named, pids } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const here = yield* instance(named)
      const heard = yield* Effect.provideContext(counting, here)
      const [pid] = yield* listening
      yield* until(() => heard() === 1)
      yield* TestClock.adjust("1 minute")
      yield* untilSeen(pids, (found) => found.length === 1 && found[0] !== pid)
      yield* until(() => heard() === 2)
    }),
  )

  it.live("leaves at once, also when the server hangs", () =>
    Effect.gen(function* () {
      const { listening, named } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const relay = yield* startRelay(named)
      const here = yield* instance(relay.url)
      const scope = yield* Scope.make()
      yield* counting.pipe(Effect.provideContext(here), Scope.provide(scope))
      yield* listening
      yield* relay.hang
      const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(took), 1000)
      yield* relay.heal
    }),
  )

  it.live("leaves at once, also when the server hangs as it begins", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(yield* ownSchema(url))
      const here = yield* instance(relay.url)
      const scope = yield* Scope.make()
      yield* relay.hangAt("LISTEN")
      yield* counting.pipe(Effect.provideContext(here), Scope.provide(scope))
      yield* until(relay.isHanging)
      const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
      assert.isBelow(Duration.toMillis(took), 1000)
    }),
  )

  it.live("takes no connection from the pool", () =>
    Effect.gen(function* () {
      const { listening, named } = yield* Effect.flatMap(ownSchema(url), listenersOf)
      const here = yield* Layer.build(
        Layer.provideMerge(FlagFeedLayer.layer, layerUrl(Redacted.make(named), 1)),
      )
      yield* Effect.provideContext(counting, here)
      yield* listening
      yield* Effect.provideContext(Effect.retry(everything, Schedule.recurs(10)), here)
    }),
  )
})

await describeLive("FlagFeed in a PostgreSQL whose flags were taken down", "TEST_DATABASE_URL", (url) => {
  const wish = { to: Option.some(1), dryRun: false }
  const wishUp = { to: Option.none(), dryRun: false }

  it.live("fails, as the store does, and nothing is logged for each poll", () =>
    Effect.gen(function* () {
      const { client, url: own } = yield* migrationWorld(url)
      const lines: Array<string> = []
      const here = yield* Effect.provide(instance(own), loggedIn(lines))
      const start = yield* Effect.provideContext(everything, here)
      yield* Effect.provide(takeDown(migrations, wish), client)
      lines.length = 0
      const { find, history, list, write } = Context.get(here, FlagStore)
      const { ask, sql } = Context.get(here, Database)
      for (let poll = 0; poll < 3; poll++) {
        const questions: ReadonlyArray<Effect.Effect<unknown, FlagsUnavailable>> = [
          Effect.provideContext(everything, here),
          Effect.provideContext(since(start.revision), here),
          find("c"),
          list({ after: Option.none(), limit: 1 }),
          history({ customerId: Option.none(), limit: 1 }),
          write(changeOf("c")),
        ]
        for (const question of questions) assert.instanceOf(yield* Effect.flip(question), FlagsUnavailable)
        yield* ask(sql`SELECT 1`)
      }
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.live(
    "tells rows on while only the rollout is taken down, and knows that it does not know of the rollout",
    () =>
      Effect.gen(function* () {
        const { client, url: own } = yield* migrationWorld(url)
        const here = yield* instance(own)
        const start = yield* Effect.provideContext(everything, here)
        yield* Effect.provide(takeDown(migrations, { to: Option.some(2), dryRun: false }), client)
        yield* Context.get(here, FlagStore).write(changeOf("c"))
        const { rollout, rows } = yield* Effect.provideContext(since(start.revision), here)
        assert.strictEqual(rollout, "unknown")
        assert.deepStrictEqual(
          rows.map(({ customerId }) => customerId),
          ["c"],
        )
        assert.lengthOf((yield* Effect.provideContext(everything, here)).rows, 1)
      }),
  )

  it.live("goes on where it was once they are back with their data", () =>
    Effect.gen(function* () {
      const { client, url: own } = yield* migrationWorld(url)
      const here = yield* instance(own)
      const { write } = Context.get(here, FlagStore)
      yield* write(changeOf("kept"))
      const before = yield* Effect.provideContext(everything, here)
      yield* Effect.provide(takeDown(migrations, wish), client)
      yield* Effect.provide(bringUp(migrations, { ...wishUp, withoutData: false }), client)
      assert.deepStrictEqual(yield* Effect.provideContext(everything, here), before)
      yield* write(changeOf("new"))
      const after = yield* Effect.provideContext(since(before.revision), here)
      assert.deepInclude(after, { isWhole: false, revision: before.revision + 1 })
      assert.deepStrictEqual(
        after.rows.map(({ customerId }) => customerId),
        ["new"],
      )
    }),
  )

  it.live("tells everything anew once they are back without, however much has changed since", () =>
    Effect.gen(function* () {
      const { client, url: own } = yield* migrationWorld(url)
      const here = yield* instance(own)
      const { write } = Context.get(here, FlagStore)
      yield* write(changeOf("lost"))
      const before = yield* Effect.provideContext(everything, here)
      yield* Effect.provide(takeDown(migrations, wish), client)
      yield* Effect.provide(bringUp(migrations, { ...wishUp, withoutData: true }), client)
      for (let n = 0; n < 5; n++) yield* write(changeOf("new"))
      const after = yield* Effect.provideContext(since(before.revision), here)
      assert.isTrue(after.isWhole)
      assert.deepStrictEqual(
        after.rows.map(({ customerId }) => customerId),
        ["new"],
      )
    }),
  )
})
