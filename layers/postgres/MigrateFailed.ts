import { Data, Effect } from "effect"
import type { Migrator, SqlError } from "effect/sql"
import type { ObjectStoreFailed } from "../../src/objects/ObjectStore.ts"

/** Nothing was migrated, and why, in sentences for an operator. */
export class MigrateFailed extends Data.TaggedError("MigrateFailed")<{
  readonly message: string
  readonly cause?: unknown
}> {}

type Failure = MigrateFailed | ObjectStoreFailed | Migrator.MigrationError | SqlError.SqlError

/** Puts whatever migrating may fail with into words. */
export const inWords = <A, E extends Failure, R>(
  migrating: Effect.Effect<A, E, R>,
): Effect.Effect<A, MigrateFailed, R> => Effect.mapError(migrating, wordsOf)

const wordsOf = (error: Failure): MigrateFailed => {
  switch (error._tag) {
    case "MigrateFailed":
      return error
    case "MigrationError":
      // The library wraps what a step fails with, and says no more than which one it was.
      return error.cause === undefined
        ? new MigrateFailed({ message: `${error.message}. Nothing was changed.`, cause: error })
        : wordsOf(error.cause as Failure) // a step's `up`, and what is restored after it, fail with nothing else
    case "ObjectStoreFailed":
      return new MigrateFailed({ message: `${error.message} Nothing was changed.`, cause: error })
    case "SqlError":
      return new MigrateFailed({ message: wordsOfPostgres(error), cause: error })
  }
}

const wordsOfPostgres = ({ reason }: SqlError.SqlError): string => {
  const said = reason.cause instanceof Error ? reason.cause.message : reason.message
  switch (reason._tag) {
    case "ConnectionError":
      return (
        `PostgreSQL is away, or the connection to it was lost: ${said}. What was begun is done altogether or not at ` +
        "all; `gateway migrate status` says which."
      )
    case "DeadlockError":
    case "LockTimeoutError":
      return "Somebody else is migrating, or uses a table for so long that waiting was given up. Nothing was changed; try again."
    default:
      return `PostgreSQL refused: ${said}. Nothing was changed.`
  }
}
