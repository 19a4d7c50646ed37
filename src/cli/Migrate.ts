import { Console, Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { MigrateFailed } from "../../layers/postgres/MigrateFailed.ts"
import { bringUp, exportTables, type Moved, takeDown } from "../../layers/postgres/MigrationRunner.ts"
import { titleOf } from "../../layers/postgres/Migrations.ts"
import { statusOf, type StepStatus } from "../../layers/postgres/MigrationState.ts"
import { migrations } from "../../migrations/index.ts"
import { withDatabase } from "./MigrateTarget.ts"
import { refuse } from "./Refusal.ts"
import { table } from "./Table.ts"

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON, for scripts"),
  Flag.withDefault(false),
)
const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Do it, and undo it: say what would be done. Whoever uses the tables waits meanwhile"),
  Flag.withDefault(false),
)
const to = (about: string) => Flag.Int("to").pipe(Flag.withDescription(about), Flag.optional)

/** Runs it on the database, and prints what it gives, `shown` to people or as JSON. */
const print = <A, R>(asJson: boolean, work: Effect.Effect<A, MigrateFailed, R>, shown: (done: A) => string) =>
  withDatabase(Effect.catchTag(work, "MigrateFailed", ({ message }) => refuse(message, 1))).pipe(
    Effect.flatMap((done) => Console.log(asJson ? JSON.stringify(done, null, 2) : shown(done))),
  )

/** A sentence over a line for each table. */
const listed = (moved: ReadonlyArray<Moved>, did: string, nothing: string, isDryRun: boolean): string => {
  if (moved.length === 0) return nothing
  const head = `${did} ${moved.map(titleOf).join(", ")}.${isDryRun ? " This was a dry run: all of it is undone." : ""}`
  const lines = moved.flatMap((step) =>
    step.tables.map((each) => [titleOf(step), each.table, String(each.rows), each.location ?? "-"]),
  )
  return lines.length === 0 ? head : `${head}\n${table(["MIGRATION", "TABLE", "ROWS", "EXPORT"], lines)}`
}

const up = Command.make(
  "up",
  {
    to: to("The number of the last migration to apply; else all"),
    withoutData: Flag.Boolean("without-data").pipe(
      Flag.withDescription("Leave what was exported where it is, and begin with empty tables"),
      Flag.withDefault(false),
    ),
    dryRun,
    json,
  },
  ({ json: asJson, ...wish }) =>
    print(asJson, bringUp(migrations, wish), (moved) =>
      listed(moved, "Applied", "There is nothing to apply.", wish.dryRun),
    ),
).pipe(
  Command.withDescription(
    "Apply what is missing, also what was taken down, and restore what that had exported",
  ),
)

const down = Command.make(
  "down",
  {
    to: to("The number of the migration that stays as the last, 0 for none; else the one before the last"),
    dryRun,
    json,
  },
  ({ json: asJson, ...wish }) =>
    print(asJson, takeDown(migrations, wish), (moved) =>
      listed(moved, "Took down", "There is nothing to take down.", wish.dryRun),
    ),
).pipe(
  Command.withDescription(
    "Export the tables of the last migration to the object store, verify the export, and undo the migration",
  ),
)

const exporting = Command.make(
  "export",
  {
    number: Argument.Int("number").pipe(
      Argument.withDescription("The number of a migration; else of all"),
      Argument.optional,
    ),
    json,
  },
  ({ number, json: asJson }) =>
    print(asJson, exportTables(migrations, number), (moved) =>
      listed(moved, "Exported", "There is nothing to export.", false),
    ),
).pipe(Command.withDescription("Export the tables of migrations to the object store, and change nothing"))

const status = Command.make("status", { json }, ({ json: asJson }) =>
  print(asJson, statusOf(migrations), (steps) =>
    table(["MIGRATION", "STATE", "SINCE", "BY", "EXPORTED"], steps.map(lineOf)),
  ),
).pipe(Command.withDescription("Print each migration, and whether it is applied or was taken down"))

const lineOf = (step: StepStatus) => [
  titleOf(step),
  `${step.state}${step.known ? "" : "; not known to this version"}`,
  step.at?.toISOString() ?? "-",
  step.by ?? "-",
  step.exports.map((each) => `${each.table}: ${each.rows} rows`).join(", ") || "-",
]

/** `gateway migrate ...` */
export const migrateCommand = Command.make("migrate").pipe(
  Command.withDescription("Apply and undo the migrations of DATABASE_URL (rollback tier 4)"),
  Command.withSubcommands([up, down, exporting, status]),
)
