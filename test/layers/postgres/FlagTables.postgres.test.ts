import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import type { SqlError } from "effect/sql"
import { FlagFeed, FlagsUnavailable } from "../../../src/flags/FlagFeed.ts"
import { FlagStore } from "../../../src/flags/FlagStore.ts"
import { describeLive } from "../../Live.ts"
import { migratedFlagsOver, personIn } from "./FlagsUnderTest.ts"
import { ownSchema } from "./OwnSchema.ts"

/** What PostgreSQL says to a statement that it refuses. */
const messageOf = (error: SqlError.SqlError) =>
  error.reason.cause instanceof Error ? error.reason.cause.message : ""

await describeLive("The flag tables, changed by hand in SQL,", "TEST_DATABASE_URL", (url) => {
  /** An instance of the gateway, and a person with SQL. */
  const world = Effect.gen(function* () {
    const own = yield* ownSchema(url)
    const context = yield* Layer.build(Layer.fresh(migratedFlagsOver(own)))
    const [feed, store] = [Context.get(context, FlagFeed), Context.get(context, FlagStore)]
    const { revision } = yield* feed.since(Option.none())
    const run = yield* personIn(own)
    const [session] = yield* run<{ user: string; schema: string }>(
      "SELECT session_user AS user, current_schema() AS schema",
    )
    return {
      feed,
      store,
      run,
      /** Before the person did anything. */
      revision,
      /** What the person is called when they say nothing else. */
      user: session?.user ?? "",
      schema: session?.schema ?? "",
      row: (customerId: string) => Effect.map(store.find(customerId), Option.getOrThrow),
      /** The changes of a customer, the oldest first. */
      history: (customerId: string) =>
        Effect.map(store.history({ customerId: Option.some(customerId), limit: 100 }), (entries) =>
          entries.toReversed(),
        ),
      /** Since then. */
      news: Effect.map(feed.since(Option.some(revision)), (changes) => ({
        ...changes,
        ids: changes.rows.map(({ customerId }) => customerId).toSorted(),
        statements: changes.revision - revision,
      })),
    }
  })

  it.live("take a row of which nothing but the customer is said", () =>
    Effect.gen(function* () {
      const { history, news, row, run, user } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c')")
      const said = {
        gatewayEnabled: false,
        middleware: { rbac: false, policy: false, budget: true },
        rolloutCohort: Option.none(),
      }
      assert.deepInclude(yield* row("c"), { ...said, updatedBy: user })
      const [entry] = yield* history("c")
      assert.deepInclude(entry, {
        by: user,
        reason: Option.none(),
        before: Option.none(),
        after: Option.some(said),
      })
      assert.deepStrictEqual((yield* news).rows, [yield* row("c")])
    }),
  )

  it.live("say who changed a row: the name that the statement gives, or the user of the session", () =>
    Effect.gen(function* () {
      const { history, row, run, user } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id, updated_by) VALUES ('c', 'ada')")
      assert.strictEqual((yield* row("c")).updatedBy, "ada")
      yield* run("UPDATE gateway_feature_flags SET gateway_enabled = true")
      assert.strictEqual((yield* row("c")).updatedBy, user)
      yield* run("UPDATE gateway_feature_flags SET gateway_enabled = false, updated_by = 'bob'")
      assert.strictEqual((yield* row("c")).updatedBy, "bob")
      yield* run("DELETE FROM gateway_feature_flags")
      assert.deepStrictEqual(
        (yield* history("c")).map(({ by }) => by),
        ["ada", user, "bob", user],
      )
    }),
  )

  it.live("say who changed a row and why as the transaction says it, and no longer than it lasts", () =>
    Effect.gen(function* () {
      const { history, run, user } = yield* world
      yield* run("BEGIN")
      yield* run(
        "SELECT set_config('gateway.changed_by', 'ada', true), set_config('gateway.reason', 'A test.', true)",
      )
      yield* run("INSERT INTO gateway_feature_flags (customer_id, updated_by) VALUES ('c', 'bob')")
      yield* run("UPDATE gateway_feature_flags SET gateway_enabled = true")
      yield* run("DELETE FROM gateway_feature_flags")
      yield* run("COMMIT")
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c')")
      const ada = ["ada", Option.some("A test.")]
      assert.deepStrictEqual(
        (yield* history("c")).map(({ by, reason }) => [by, reason]),
        [ada, ada, ada, [user, Option.none()]],
      )
    }),
  )

  it.live("let the time of a row grow, whatever a statement or a clock says", () =>
    Effect.gen(function* () {
      const { row, run } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id, updated_at) VALUES ('c', 'infinity')")
      const versions = [(yield* row("c")).version]
      // As if the clock had been set back by a day since.
      yield* run("ALTER TABLE gateway_feature_flags DISABLE TRIGGER gateway_feature_flags_stamp")
      yield* run("UPDATE gateway_feature_flags SET updated_at = updated_at + interval '1 day'")
      yield* run("ALTER TABLE gateway_feature_flags ENABLE TRIGGER gateway_feature_flags_stamp")
      versions.push((yield* row("c")).version)
      for (const time of ["'epoch'", "updated_at", "NULL"]) {
        yield* run(`UPDATE gateway_feature_flags SET updated_at = ${time}`)
        versions.push((yield* row("c")).version)
      }
      assert.deepStrictEqual(
        versions,
        versions.toSorted((a, b) => Number(BigInt(a) - BigInt(b))),
      )
      assert.strictEqual(new Set(versions).size, 5)
    }),
  )

  it.live("count a statement as one change, however many rows it changes, and none if it changes none", () =>
    Effect.gen(function* () {
      const { history, news, run } = yield* world
      yield* run(
        "INSERT INTO gateway_feature_flags (customer_id) SELECT 'c' || n FROM generate_series(1, 100) AS n",
      )
      assert.deepInclude(yield* news, { isWhole: false, statements: 1 })
      assert.lengthOf((yield* news).rows, 100)
      yield* run("UPDATE gateway_feature_flags SET gateway_enabled = true")
      assert.strictEqual((yield* news).statements, 2)
      assert.isTrue((yield* news).rows.every(({ gatewayEnabled }) => gatewayEnabled))
      yield* run("DELETE FROM gateway_feature_flags WHERE customer_id > 'c5'")
      assert.strictEqual((yield* news).statements, 3)
      yield* run("UPDATE gateway_feature_flags SET gateway_enabled = true WHERE false")
      yield* run("DELETE FROM gateway_feature_flags WHERE false")
      yield* run("INSERT INTO gateway_feature_flags (customer_id) SELECT 'd' WHERE false")
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c1') ON CONFLICT DO NOTHING")
      assert.strictEqual((yield* news).statements, 3)
      assert.deepStrictEqual(
        (yield* history("c99")).map(({ before, after }) => [
          Option.map(before, ({ gatewayEnabled }) => gatewayEnabled),
          Option.map(after, ({ gatewayEnabled }) => gatewayEnabled),
        ]),
        [
          [Option.none(), Option.some(false)],
          [Option.some(false), Option.some(true)],
          [Option.some(true), Option.none()],
        ],
      )
    }),
  )

  it.live.each([
    [
      "an insert that updates",
      `INSERT INTO gateway_feature_flags (customer_id, gateway_enabled) VALUES ('old', true), ('new', true)
       ON CONFLICT (customer_id) DO UPDATE SET gateway_enabled = excluded.gateway_enabled`,
    ],
    [
      "a merge",
      `MERGE INTO gateway_feature_flags AS flags USING (VALUES ('old'), ('new')) AS wanted (id) ON customer_id = id
       WHEN MATCHED THEN UPDATE SET gateway_enabled = true
       WHEN NOT MATCHED THEN INSERT (customer_id, gateway_enabled) VALUES (id, true)`,
    ],
    [
      "an update beside an insert",
      `WITH updated AS (UPDATE gateway_feature_flags SET gateway_enabled = true)
       INSERT INTO gateway_feature_flags (customer_id, gateway_enabled) VALUES ('new', true)`,
    ],
  ] as const)("have each row on record that %s changes", ([, statement]) =>
    Effect.gen(function* () {
      const { history, news, run } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('old')")
      yield* run(statement)
      assert.deepStrictEqual((yield* news).ids, ["new", "old"])
      for (const [id, changes] of [
        ["old", 2],
        ["new", 1],
      ] as const) {
        const entries = yield* history(id)
        assert.lengthOf(entries, changes)
        assert.isTrue(
          Option.exists(entries.at(-1)?.after ?? Option.none(), ({ gatewayEnabled }) => gatewayEnabled),
        )
      }
    }),
  )

  it.live("have a row that is given to another customer as removed from the one and new for the other", () =>
    Effect.gen(function* () {
      const { history, news, run } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id, gateway_enabled) VALUES ('a', true)")
      yield* run("UPDATE gateway_feature_flags SET customer_id = 'b', updated_by = 'ada'")
      assert.deepInclude(yield* news, { ids: ["b"], removed: ["a"] })
      const [, removed] = yield* history("a")
      const [made] = yield* history("b")
      assert.deepStrictEqual(removed?.after, Option.none())
      assert.deepStrictEqual(made?.before, Option.none())
      assert.deepStrictEqual(made?.after, removed?.before)
      assert.strictEqual(made?.by, "ada")
    }),
  )

  it.live("do not record what is rolled back", () =>
    Effect.gen(function* () {
      const { history, news, revision, run } = yield* world
      yield* run("BEGIN")
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c')")
      yield* run("ROLLBACK")
      assert.deepInclude(yield* news, { revision, ids: [] })
      assert.deepStrictEqual(yield* history("c"), [])
    }),
  )

  it.live("are not told where the row of the revision is lost, and not changed either", () =>
    Effect.gen(function* () {
      const { feed, revision, run } = yield* world
      yield* run("DELETE FROM gateway_flag_revision")
      for (const known of [Option.none(), Option.some(revision)])
        assert.instanceOf(yield* Effect.flip(feed.since(known)), FlagsUnavailable)
      assert.strictEqual(
        messageOf(yield* Effect.flip(run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c')"))),
        "gateway_flag_revision has lost its row, and without it the gateway would not learn of this change.",
      )
    }),
  )

  it.live("are the same for a session that looks for tables elsewhere", () =>
    Effect.gen(function* () {
      const { history, news, run, schema } = yield* world
      yield* run("SET search_path = pg_catalog")
      yield* run(`INSERT INTO ${schema}.gateway_feature_flags (customer_id) VALUES ('c')`)
      yield* run(`UPDATE ${schema}.gateway_feature_flags SET gateway_enabled = true`)
      yield* run(`DELETE FROM ${schema}.gateway_feature_flags`)
      assert.lengthOf(yield* history("c"), 3)
      assert.deepInclude(yield* news, { removed: ["c"], statements: 3 })
    }),
  )

  it.live("are not truncated", () =>
    Effect.gen(function* () {
      const { news, run } = yield* world
      yield* run("INSERT INTO gateway_feature_flags (customer_id) VALUES ('c')")
      assert.strictEqual(
        messageOf(yield* Effect.flip(run("TRUNCATE gateway_feature_flags"))),
        "gateway_feature_flags is not truncated, because the gateway would not learn of it. DELETE the rows.",
      )
      assert.deepStrictEqual((yield* news).ids, ["c"])
    }),
  )

  it.live("take a configuration of the layers that there are", () =>
    Effect.gen(function* () {
      const { row, run } = yield* world
      const off = { rbac: false, policy: false, budget: false }
      for (const [config, middleware] of [
        [{}, { rbac: true, policy: true, budget: true }],
        [
          { auth: true, policy: false },
          { rbac: true, policy: false, budget: true },
        ],
        [{ auth: false, ...off }, off],
      ]) {
        yield* run(`
          INSERT INTO gateway_feature_flags (customer_id, middleware_config) VALUES ('c', '${JSON.stringify(config)}')
          ON CONFLICT (customer_id) DO UPDATE SET middleware_config = excluded.middleware_config`)
        assert.deepStrictEqual<unknown>((yield* row("c")).middleware, middleware)
      }
    }),
  )

  it.live("take no other configuration, because a name that is misspelt would say what is not so", () =>
    Effect.gen(function* () {
      const { news, run } = yield* world
      for (const config of [
        null,
        true,
        "auth",
        [],
        ["auth"],
        { polcy: false },
        { audit: false },
        { auth: true, rbac: "false" },
        { policy: 0 },
        { policy: null },
        { policy: [true] },
        { policy: {} },
      ]) {
        const failure = yield* Effect.flip(
          run(`
            INSERT INTO gateway_feature_flags (customer_id, middleware_config)
            VALUES ('c', '${JSON.stringify(config)}')`),
        )
        assert.match(messageOf(failure), /middleware_config_has_only_auth_rbac_policy_budget_as_booleans/)
      }
      assert.deepStrictEqual((yield* news).ids, [])
    }),
  )

  it.live("can do without their history: who knows what it began with learns everything anew", () =>
    Effect.gen(function* () {
      const { feed, news, revision, row, run } = yield* world
      const forget = ["DELETE FROM gateway_feature_flag_history", "TRUNCATE gateway_feature_flag_history"]
      for (const [n, statement] of forget.entries()) {
        yield* run(`INSERT INTO gateway_feature_flags (customer_id) VALUES ('c${n}')`)
        const before = yield* feed.since(Option.some(revision))
        yield* run(statement)
        assert.deepInclude(yield* news, { isWhole: true, removed: [] })
        assert.lengthOf((yield* news).rows, n + 1)
        yield* run(`INSERT INTO gateway_feature_flags (customer_id) VALUES ('d${n}')`)
        const after = yield* feed.since(Option.some(before.revision))
        assert.deepInclude(after, { isWhole: false, rows: [yield* row(`d${n}`)] })
        yield* run(`DELETE FROM gateway_feature_flags WHERE customer_id = 'd${n}'`)
      }
    }),
  )
})
