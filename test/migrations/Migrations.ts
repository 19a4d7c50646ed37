import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { SqlClient } from "effect/sql"
import { migrate } from "../../layers/postgres/Migrations.ts"
import { migrations } from "../../migrations/index.ts"

/** Everything in the schema that a migration can make, but for the table that counts the migrations. */
const schema = SqlClient.SqlClient.use(
  (sql) => sql<{ readonly thing: string }>`
    SELECT format('%s %s %s', relkind, relname, pg_get_indexdef(oid)) AS thing
    FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT format('%s.%s %s %s', attrelid::regclass, attname, atttypid::regtype, attnotnull)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
    UNION ALL
    SELECT format('%s %s', typtype, typname) FROM pg_type WHERE typnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
    ORDER BY thing`,
).pipe(
  Effect.map((rows) => rows.map(({ thing }) => thing).filter((thing) => !thing.includes("sql_migrations"))),
)

const insertApproval = (row: Readonly<Record<string, unknown>>) =>
  SqlClient.SqlClient.use(
    (sql) =>
      sql`INSERT INTO gateway_approvals ${sql.insert({
        action: "agent.create",
        customer_id: "customer-7",
        resource: "/api/v1/agents",
        method: "POST",
        requested_by: "user-7",
        correlation_id: "correlation-7",
        requested_at: new Date(0),
        expires_at: new Date(1),
        ...row,
      })}`,
  )
const decided = { decided_at: new Date(0), decided_by: "governor-1", decision_reason: "We talked." }

/** What holds for the migrations, from an empty database on. */
export const migrationsContract = <E>(world: Layer.Layer<SqlClient.SqlClient, E>): void => {
  layer(world, { timeout: "2 minutes" })("in their order", (it) => {
    it.effect("are applied once", () =>
      Effect.gen(function* () {
        const names = (yield* migrate).map(([id, name]) => `${String(id).padStart(4, "0")}_${name}`)
        assert.deepStrictEqual(names, Object.keys(migrations))
        assert.deepStrictEqual(yield* migrate, [])
      }),
    )

    it.effect("are each undone by their down, to the last trace, and applied again", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const after = yield* schema
        const states: Array<ReadonlyArray<string>> = []
        for (const { down } of Object.values(migrations).toReversed()) {
          yield* sql.withTransaction(down)
          states.unshift(yield* schema)
        }
        assert.deepStrictEqual(states[0], [])
        for (const [index, { up }] of Object.values(migrations).entries()) {
          assert.deepStrictEqual(yield* schema, states[index])
          yield* sql.withTransaction(up)
        }
        assert.deepStrictEqual(yield* schema, after)
      }),
    )

    it.effect("let approvals be pending, decided or used", () =>
      Effect.gen(function* () {
        yield* insertApproval({})
        for (const status of ["approved", "denied"]) yield* insertApproval({ status, ...decided })
        yield* insertApproval({ status: "consumed", ...decided, consumed_at: new Date(0) })
      }),
    )

    it.effect.each([
      ["of an action that is none", { action: "agent.destroy" }],
      ["of a status that is none", { status: "expired" }],
      ["approved by nobody", { status: "approved", ...decided, decided_by: null }],
      ["approved without a decision", { status: "approved" }],
      ["pending and decided", { status: "pending", ...decided }],
      ["approved and used", { status: "approved", ...decided, consumed_at: new Date(0) }],
      ["used at no time", { status: "consumed", ...decided }],
      ["used without a decision", { status: "consumed", consumed_at: new Date(0) }],
    ] as const)("let no approval be %s, whoever writes it", ([, row]) =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(insertApproval(row))
        assert.strictEqual(failure.reason._tag, "ConstraintError")
      }),
    )

    it.effect("let no wish be pending twice", () =>
      Effect.gen(function* () {
        const wish = Buffer.from("the same")
        yield* insertApproval({ wish })
        yield* insertApproval({ wish, status: "denied", ...decided })
        const failure = yield* Effect.flip(insertApproval({ wish }))
        assert.strictEqual(failure.reason._tag, "UniqueViolation")
      }),
    )
  })
}
