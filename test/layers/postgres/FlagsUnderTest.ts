import * as PgClient from "@effect/sql-pg/PgClient"
import { Context, Effect, Layer, Option, Redacted, Schedule } from "effect"
import * as Database from "../../../layers/postgres/Database.ts"
import * as FlagFeed from "../../../layers/postgres/FlagFeed.ts"
import * as FlagStore from "../../../layers/postgres/FlagStore.ts"
import type { Rollout } from "../../../src/flags/Rollout.ts"
import { startedDatabase } from "./StartedPglite.ts"

const flags = Layer.mergeAll(FlagFeed.layer, FlagStore.layer)

/** The flags in that database, as one instance of the gateway has them. */
export const flagsOver = (url: string) => Layer.provideMerge(flags, Database.layerUrl(Redacted.make(url), 5))

/** On a busy machine the migrations take longer than a question waits for them. */
const migrated = Layer.effectDiscard(
  Database.Database.use(({ ask, sql }) =>
    Effect.orDie(Effect.retry(ask(sql`SELECT 1`), Schedule.recurs(100))),
  ),
)

/** The same, once all migrations are applied. */
export const migratedFlagsOver = (url: string) => Layer.provideMerge(migrated, flagsOver(url))

/** Built once, wherever it is used. */
export const embeddedFlags = Layer.provideMerge(flags, startedDatabase)

/** Puts a rollout in the place of whatever there is, as it is. */
export const recordRollout = (rollout: Rollout) =>
  Database.Database.use(({ ask, sql }) => {
    const row = {
      state: rollout.state,
      cohort: Option.getOrNull(rollout.cohort),
      automatic: rollout.automatic,
      step: rollout.step,
      step_started_at: new Date(rollout.stepStartedAt),
      updated_at: new Date(rollout.updatedAt),
      updated_by: rollout.updatedBy,
      reason: rollout.reason,
      version: BigInt(rollout.version),
    }
    return ask(sql`
      INSERT INTO gateway_rollout ${sql.insert(row)}
      ON CONFLICT (one) DO UPDATE SET ${sql.update(row)}`)
  })

/** A person with SQL, who has a session of their own and knows nothing of the gateway. Gives what runs a statement. */
export const personIn = (url: string) =>
  Layer.build(
    PgClient.layer({ url: Redacted.make(url), applicationName: "psql", maxConnections: 1 }).pipe(Layer.fresh),
  ).pipe(
    Effect.map((context) => {
      const sql = Context.get(context, PgClient.PgClient)
      return <A extends object>(statement: string) => sql.unsafe<A>(statement)
    }),
  )
