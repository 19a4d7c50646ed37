import type * as PgClient from "@effect/sql-pg/PgClient"
import {
  type Cause,
  Context,
  Deferred,
  type Duration,
  Effect,
  Fiber,
  Layer,
  Metric,
  Option,
  type Redacted,
  Schedule,
} from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { Lifecycle, type Probe } from "../../src/http/Lifecycle.ts"
import { migrate } from "./Migrations.ts"
import { inProcess, type Notifications, ofServer } from "./Notifications.ts"
import * as Pg from "./Pg.ts"
import * as Pglite from "./Pglite.ts"

/** Why a question to PostgreSQL has no answer. */
export type Unanswered = SqlError.SqlError | Cause.TimeoutError

/**
 * PostgreSQL as the layers over it use it. It is never waited for at the start; the migrations are applied as soon as
 * it is there; and it may go and come back at any time.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly sql: SqlClient.SqlClient
    /**
     * Asks when the migrations are applied, and fails when there is no answer within a bound, or at once when nothing
     * listens any more. What was asked may have been done all the same, when only the answer was lost.
     *
     * `patience`: the bound, for a question of several statements that take their time.
     */
    readonly ask: <A>(
      question: Effect.Effect<A, SqlError.SqlError>,
      patience?: Duration.Input,
    ) => Effect.Effect<A, Unanswered>
    readonly probe: Probe
    readonly notifications: Notifications
    /** Waits until there is a database: at once but for the embedded one, which the first question starts. */
    readonly opened: Effect.Effect<void>
  }
>()("gateway/postgres/Database") {}

const unanswered = Metric.counter("gateway_postgres_unanswered_total", {
  description: "Questions to PostgreSQL that failed or had no answer in time",
  incremental: true,
})

/** Between two tries to apply the migrations. */
const pauses = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("1 second")])

interface Manner {
  /** How long an answer is waited for, the migrations included. */
  readonly patience: Duration.Input
  /** Whether the first question connects, and not the start. */
  readonly waitsForQuestion: boolean
  readonly notifications: Effect.Effect<Notifications, never, PgClient.PgClient>
}

const make = (manner: Manner) =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const scope = yield* Effect.scope
      const opening = yield* Deferred.make<void>()
      let migrating: Fiber.Fiber<void> | undefined
      const start = yield* Effect.cached(
        Effect.map(Effect.forkIn(untilMigrated(sql), scope), (fiber) => {
          migrating = fiber
          Deferred.doneUnsafe(opening, Effect.void)
          return fiber
        }),
      )
      if (!manner.waitsForQuestion) yield* start

      const report = reportTransitions()
      const ask: Database["Service"]["ask"] = (question, patience = manner.patience) =>
        start.pipe(
          Effect.flatMap(Fiber.join),
          Effect.andThen(question),
          Effect.catchDefect(lostInTransaction),
          // In a fiber of its own: a connection that hangs takes seconds to be given up, which nobody waits for.
          Effect.forkIn(scope),
          Effect.flatMap((asking) =>
            Effect.onInterrupt(Fiber.join(asking), () => Effect.sync(() => asking.interruptUnsafe())),
          ),
          Effect.timeout(patience),
          Effect.tap(report(true)),
          Effect.tapError((error) => Effect.andThen(Metric.update(unanswered, 1), report(isAnswer(error)))),
        )

      const probe: Probe = Effect.suspend(() =>
        migrating === undefined
          ? Effect.succeed({ name: "postgres", status: "up", detail: "Starts with the first question." })
          : Effect.match(ask(sql`SELECT 1`), {
              onSuccess: () => ({ name: "postgres", status: "up", detail: "Answered." }),
              onFailure: () => ({
                name: "postgres",
                status: "down",
                detail:
                  migrating?.pollUnsafe() === undefined
                    ? "The migrations are not applied yet."
                    : "Did not answer.",
              }),
            }),
      )
      const notifications = yield* manner.notifications
      return Database.of({ sql, ask, probe, notifications, opened: Deferred.await(opening) })
    }),
  )

/** A transaction that loses its connection cannot be rolled back, which the library takes for a defect. */
const lostInTransaction = (defect: unknown) =>
  SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)

/** The database is there, and says that it cannot be done: for one, because a migration was taken down. */
const isAnswer = (error: Unanswered): boolean => error._tag === "SqlError" && refusals.has(error.reason._tag)

const refusals: ReadonlySet<string> = new Set([
  "AuthorizationError",
  "ConstraintError",
  "DeadlockError",
  "SerializationError",
  "SqlSyntaxError",
  "UniqueViolation",
])

/** Tries until the migrations are applied; says so once, and each new reason why they are not. */
const untilMigrated = (sql: SqlClient.SqlClient) =>
  Effect.suspend(() => {
    let reason = ""
    return migrate.pipe(
      Effect.provideService(SqlClient.SqlClient, sql),
      Effect.tapError((error) => {
        if (error.message === reason) return Effect.void
        reason = error.message
        return Effect.logWarning(
          "The migrations of PostgreSQL are not applied. They are tried until they are, and what needs PostgreSQL is refused.",
          error,
        )
      }),
      Effect.retry(pauses),
      // There is no last try that could fail.
      Effect.orDie,
      Effect.flatMap((applied) =>
        Effect.logInfo(
          applied.length === 0
            ? "PostgreSQL has all migrations."
            : `Applied the migrations ${applied.map(([id, name]) => `${id} ${name}`).join(", ")}.`,
        ),
      ),
    )
  })

/** Logs when answers begin to fail, and when they come again; a line for each would drown both. */
const reportTransitions = () => {
  let answers = true
  return (answered: boolean) =>
    Effect.suspend(() => {
      if (answered === answers) return Effect.void
      answers = answered
      return answered
        ? Effect.logInfo("PostgreSQL answers again.")
        : Effect.logWarning("PostgreSQL does not answer; what needs it is refused until it does.")
    })
}

/** A server, by its URL. */
export const layerUrl = (
  url: Redacted.Redacted,
  connections: number,
): Layer.Layer<Database | PgClient.PgClient | SqlClient.SqlClient, ConfigFaults> =>
  make({ patience: "1500 millis", waitsForQuestion: false, notifications: ofServer }).pipe(
    Layer.provideMerge(Pg.layerUrl(url, connections)),
  )

/** The one in this process, which takes seconds to start, and so much of a machine that who asks nothing has none. */
export const layerEmbedded = make({
  patience: "1 minute",
  waitsForQuestion: true,
  notifications: inProcess,
}).pipe(Layer.provideMerge(Pglite.layer))

/** By `POSTGRES_LAYER` and `DATABASE_URL`, with a line of its own in `/ready`. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { postgres } = yield* GatewayConfig
    if (postgres.layer === "embedded") return Layer.provideMerge(watched, layerEmbedded)
    if (Option.isSome(postgres.url))
      return Layer.provideMerge(watched, layerUrl(postgres.url.value, postgres.connections))
    return yield* ConfigFaults.of({
      variable: "DATABASE_URL",
      problem: "It is not set, and POSTGRES_LAYER=pg needs it.",
      fix: "Set it, for example to postgres://gateway@127.0.0.1:5432/gateway.",
    })
  }),
)

const watched = Layer.effectDiscard(
  Effect.gen(function* () {
    const { probe } = yield* Database
    const { watch } = yield* Lifecycle
    yield* watch(probe)
  }),
)
