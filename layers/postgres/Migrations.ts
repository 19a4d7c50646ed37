import { Effect, Record } from "effect"
import { Migrator, type SqlClient } from "effect/sql"
import { type Migration, migrations } from "../../migrations/index.ts"
import { readTakenDown } from "./MigrationJournal.ts"
import { alone, asFailure } from "./MigrationTransaction.ts"

/** Steps of a schema, by number and name. */
export type Migrations = Readonly<Record<`${number}_${string}`, Migration>>

/** A step of them. */
export interface Step extends Migration {
  readonly id: number
  readonly name: string
}

/** How a step is called in messages and in the object store. */
export const titleOf = ({ id, name }: { readonly id: number; readonly name: string }): string =>
  `${String(id).padStart(4, "0")}_${name}`

/** In the order in which they are applied. */
export const stepsOf = (all: Migrations): ReadonlyArray<Step> =>
  Object.entries(all)
    .map(([title, step]) => {
      const [id = "", ...name] = title.split("_")
      return { ...step, id: Number(id), name: name.join("_") }
    })
    .toSorted((one, other) => one.id - other.id)

/** Applies, in the transaction that is open, what of these steps is not applied yet, and gives what that was. */
export const applyMissing = <E>(
  steps: ReadonlyArray<{
    readonly id: number
    readonly name: string
    readonly up: Effect.Effect<void, E, SqlClient.SqlClient>
  }>,
) =>
  Migrator.make({})({
    loader: Migrator.fromRecord(Record.fromEntries(steps.map((step) => [titleOf(step), step.up]))),
  }).pipe(Effect.catchDefect(asFailure))

/** `migrate`, for any steps. */
export const migrateBy = Effect.fnUntraced(function* (all: Migrations) {
  const { applied, held } = yield* alone(
    Effect.gen(function* () {
      const [down] = yield* readTakenDown
      const steps = stepsOf(all).filter(({ id }) => down === undefined || id < down.id)
      return { applied: yield* applyMissing(steps), held: down }
    }),
  )
  if (held !== undefined)
    yield* Effect.logWarning(
      `From ${titleOf(held)} on no start applies a migration, because that one was taken down on purpose, by ${held.by} ` +
        `at ${held.at.toISOString()}. What needs them fails until \`gateway migrate up\` applies them.`,
    )
  return applied
})

/**
 * Applies what is not applied yet (SPEC 15), in one transaction, and gives what that was. Of any number of instances
 * that do so at once one does the work, and the others find it done; what is applied is in `effect_sql_migrations`.
 *
 * A step that was taken down on purpose stays down, and so do those after it, and the log says so.
 */
export const migrate = migrateBy(migrations)
