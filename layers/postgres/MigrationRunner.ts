import { Clock, Effect, Option, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { ObjectStore } from "../../src/objects/ObjectStore.ts"
import { inWords, MigrateFailed } from "./MigrateFailed.ts"
import { forgetTakenDown, recordTakenDown } from "./MigrationJournal.ts"
import { applyMissing, type Migrations, type Step, stepsOf, titleOf } from "./Migrations.ts"
import { checkNumber, knownStep, readState, refuseAppliedAgain, type State } from "./MigrationState.ts"
import { alone, aloneAndUndone, atOneMoment, forTables } from "./MigrationTransaction.ts"
import { countRows, exportTable, quoted, type TableExport } from "./TableExport.ts"
import { restoreTables } from "./TableRestore.ts"

/** What was done to a step by hand. */
export interface Moved {
  readonly id: number
  readonly name: string
  readonly tables: ReadonlyArray<{
    readonly table: string
    /** Exported, or restored; in a dry run, how many would be. */
    readonly rows: number
    /** Where the export is, when there is one. */
    readonly location: string | null
  }>
}

interface Wish {
  /** The number of the step that is the last one then, or 0 for none. */
  readonly to: Option.Option<number>
  /** Does it all, and undoes it; exports nothing. */
  readonly dryRun: boolean
}

/**
 * Takes steps down, the last one or all after `to`, and gives them in that order. What their tables hold is exported
 * before, and nothing goes unless the exports were read again and are right. All in one transaction, in which nobody
 * else reads or writes the tables.
 */
export const takeDown = Effect.fnUntraced(function* (all: Migrations, { to, dryRun }: Wish) {
  const meant = yield* Effect.map(readState, lastOf).pipe(inWords)
  return yield* (dryRun ? aloneAndUndone : alone)(
    Effect.gen(function* () {
      yield* forTables
      const state = yield* readState
      yield* refuseAppliedAgain(state)
      // Of two who take the last step down at once, both mean the same one.
      if (Option.isNone(to) && lastOf(state) !== meant) {
        return yield* new MigrateFailed({
          message: `${meant} was the last step when this began, and is not any more. Nothing was changed; \`gateway migrate status\` says what is.`,
        })
      }
      const goal = yield* checkNumber(
        all,
        state,
        Option.getOrElse(to, () => state.applied.at(-2)?.id ?? 0),
      )
      const steps = yield* Effect.forEach(
        state.applied.filter(({ id }) => id > goal).toReversed(),
        (applied) => knownStep(all, applied),
      )
      yield* lockTables(steps, "ACCESS EXCLUSIVE")
      return yield* Effect.forEach(steps, (step) => takeStepDown(step, dryRun))
    }),
  ).pipe(inWords)
})

const lastOf = ({ applied }: State): string => {
  const last = applied.at(-1)
  return last === undefined ? "No step" : titleOf(last)
}

const takeStepDown = Effect.fnUntraced(function* (step: Step, dryRun: boolean) {
  const { id, name } = step
  const exports = dryRun ? [] : yield* exportStep(step)
  const tables = dryRun ? yield* Effect.forEach(step.tables, counted) : exports.map(shown)
  yield* step.down
  yield* recordTakenDown(id, name, exports)
  const moved: Moved = { id, name, tables }
  return moved
})

const counted = (table: string) => Effect.map(countRows(table), (rows) => ({ table, rows, location: null }))
const shown = ({ table, rows, location }: TableExport) => ({ table, rows, location })
/** The journal says which tables were exported, and restoring empties them first: none but the step's own. */
const refuseOtherTables = (step: Step, exports: ReadonlyArray<TableExport>) => {
  const others = exports.filter(({ table }) => !step.tables.includes(table)).map(({ table }) => table)
  return others.length === 0
    ? Effect.void
    : Effect.fail(
        new MigrateFailed({
          message: `The journal has an export of ${others.join(", ")}, which ${titleOf(step)} does not make. Nothing was changed.`,
        }),
      )
}
const leftOut = ({ table, location }: TableExport) => ({ table, rows: 0, location })

/** Waits once, before anything is done, for whoever is in the way. */
const lockTables = (steps: ReadonlyArray<Step>, mode: "ACCESS EXCLUSIVE" | "ACCESS SHARE") => {
  const tables = steps.flatMap((step) => step.tables.map(quoted))
  return tables.length === 0
    ? Effect.void
    : SqlClient.SqlClient.use((sql) => sql.unsafe(`LOCK TABLE ${tables.join(", ")} IN ${mode} MODE`))
}

/** Exports its tables, with a manifest beside them, under keys that nothing else has. */
const exportStep = Effect.fnUntraced(function* (step: Step) {
  if (step.tables.length === 0) return []
  const { write } = yield* ObjectStore
  const now = new Date(yield* Clock.currentTimeMillis).toISOString()
  const folder = `migrations/${titleOf(step)}/${now.replaceAll(/[-:]|\.\d+/g, "")}-${randomUUID().slice(0, 8)}`
  const done = yield* Effect.forEach(step.tables, (table) => exportTable(table, `${folder}/${table}.jsonl`))
  const manifest = {
    migration: titleOf(step),
    exported_at: now,
    tables: done.map(({ exported: { table, key, rows, sha256, sequences }, columns }) => {
      return { table, key, rows, sha256, columns, sequences }
    }),
  }
  yield* write(
    `${folder}/manifest.json`,
    Stream.succeed(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)),
  )
  return done.map(({ exported }) => exported)
})

/** Exports the tables of the step, or of all, as they are at one moment, and changes nothing. */
export const exportTables = (all: Migrations, only: Option.Option<number>) =>
  atOneMoment(
    Effect.gen(function* () {
      yield* forTables
      const { applied } = yield* readState
      const wanted = applied.filter(({ id }) => Option.getOrElse(only, () => id) === id)
      if (wanted.length === 0 && Option.isSome(only))
        return yield* new MigrateFailed({ message: `There is no migration ${only.value} in this database.` })
      const steps = yield* Effect.forEach(wanted, (each) => knownStep(all, each))
      // One that was dropped and made again would seem to be empty at that moment.
      yield* lockTables(steps, "ACCESS SHARE")
      return yield* Effect.forEach(steps, (step) =>
        Effect.map(exportStep(step), (exports): Moved => ({
          id: step.id,
          name: step.name,
          tables: exports.map(shown),
        })),
      )
    }),
  ).pipe(inWords)

/**
 * Applies what is not applied, up to `to`, also what was taken down on purpose; and puts back what that held, unless
 * `withoutData`. Gives what it applied, in order.
 */
export const bringUp = (
  all: Migrations,
  { to, dryRun, withoutData }: Wish & { readonly withoutData: boolean },
) =>
  (dryRun ? aloneAndUndone : alone)(
    Effect.gen(function* () {
      yield* forTables
      const state = yield* readState
      const goal = Option.isSome(to) ? yield* checkNumber(all, state, to.value) : Infinity
      const settled: Array<Moved> = []
      if (!withoutData) yield* refuseAppliedAgain(state)
      for (const { id, name, exports } of state.appliedAgain.filter((each) => each.id <= goal)) {
        yield* forgetTakenDown(id)
        settled.push({ id, name, tables: exports.map(leftOut) })
      }
      const objects = yield* ObjectStore
      const settle = Effect.fnUntraced(
        function* (step: Step) {
          const { id, name } = step
          const exports = state.takenDown.find((each) => titleOf(each) === titleOf({ id, name }))?.exports
          if (exports !== undefined) {
            if (!withoutData) {
              yield* refuseOtherTables(step, exports)
              yield* restoreTables(exports)
            }
            yield* forgetTakenDown(id)
          }
          settled.push({ id, name, tables: (exports ?? []).map(withoutData ? leftOut : shown) })
        },
        Effect.provideService(ObjectStore, objects),
      )
      const steps = stepsOf(all).filter(({ id }) => id <= goal)
      // Each is restored before the next is applied, for that may change its tables.
      yield* applyMissing(steps.map((step) => ({ ...step, up: Effect.andThen(step.up, settle(step)) })))
      return settled
    }),
  ).pipe(inWords)
