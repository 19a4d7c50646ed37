import { Effect } from "effect"
import { inWords, MigrateFailed } from "./MigrateFailed.ts"
import { type Applied, readApplied, readTakenDown, type TakenDown } from "./MigrationJournal.ts"
import { type Migrations, type Step, stepsOf, titleOf } from "./Migrations.ts"
import { atOneMoment } from "./MigrationTransaction.ts"
import type { TableExport } from "./TableExport.ts"

export interface State {
  readonly applied: ReadonlyArray<Applied>
  readonly takenDown: ReadonlyArray<TakenDown>
  /** Taken down, and then applied by something that knows nothing of that, such as an older version. */
  readonly appliedAgain: ReadonlyArray<TakenDown>
}

export const readState = Effect.gen(function* () {
  const applied = yield* readApplied
  const takenDown = yield* readTakenDown
  const ids = new Set(applied.map(({ id }) => id))
  const state: State = { applied, takenDown, appliedAgain: takenDown.filter(({ id }) => ids.has(id)) }
  return state
})

/** The number, when it is 0 or that of a step which this version or the database has. */
export const checkNumber = (all: Migrations, { applied }: State, number: number) =>
  number === 0 || [...stepsOf(all), ...applied].some(({ id }) => id === number)
    ? Effect.succeed(number)
    : Effect.fail(new MigrateFailed({ message: `There is no migration ${number}. Nothing was changed.` }))

/** How this version takes it down. */
export const knownStep = (all: Migrations, applied: Applied): Effect.Effect<Step, MigrateFailed> => {
  const step = stepsOf(all).find((each) => titleOf(each) === titleOf(applied))
  return step === undefined
    ? Effect.fail(
        new MigrateFailed({
          message:
            `${titleOf(applied)} is applied, and this version does not know it. Use the version that applied it. ` +
            "Nothing was changed.",
        }),
      )
    : Effect.succeed(step)
}

/** To go on would lose either what such a step held or what it holds now. */
export const refuseAppliedAgain = ({ appliedAgain: [again] }: State) =>
  again === undefined
    ? Effect.void
    : Effect.fail(
        new MigrateFailed({
          message:
            `${titleOf(again)} was taken down at ${again.at.toISOString()}, and something else than \`gateway migrate up\` ` +
            `has applied it since, so that what it held is not in it, but in ${again.exports.map(({ location }) => location).join(", ") || "no export"}. ` +
            `\`gateway migrate up --to ${again.id} --without-data\` leaves it so. Nothing was changed.`,
        }),
      )

/** A step that this version has or the database knows of. */
export interface StepStatus {
  readonly id: number
  readonly name: string
  readonly state: "applied" | "taken down" | "not applied" | "applied again, without its data"
  /** When it came to be so; null when it never was applied. */
  readonly at: Date | null
  /** Who took it down. */
  readonly by: string | null
  /** What it held then. */
  readonly exports: ReadonlyArray<TableExport>
  /** Whether this version has it. */
  readonly known: boolean
}

/** Every step, in order. */
export const statusOf = (all: Migrations) =>
  atOneMoment(readState).pipe(
    Effect.map(({ applied, takenDown }) => {
      const known = stepsOf(all)
      const steps = new Map([...known, ...applied, ...takenDown].map((step) => [titleOf(step), step]))
      return [...steps.entries()]
        .toSorted(([, one], [, other]) => one.id - other.id)
        .map(([title, { id, name }]): StepStatus => {
          const find = <S extends { readonly id: number; readonly name: string }>(among: ReadonlyArray<S>) =>
            among.find((each) => titleOf(each) === title)
          const [there, gone] = [find(applied), find(takenDown)]
          return {
            id,
            name,
            state:
              there === undefined
                ? gone === undefined
                  ? "not applied"
                  : "taken down"
                : gone === undefined
                  ? "applied"
                  : "applied again, without its data",
            at: there?.at ?? gone?.at ?? null,
            by: gone?.by ?? null,
            exports: gone?.exports ?? [],
            known: find(known) !== undefined,
          }
        })
    }),
    inWords,
  )
