import { Console, Effect, Runtime } from "effect"
import { Command, Flag } from "effect/cli"
import { ConfigFaults } from "../config/ConfigFaults.ts"
import { explain } from "../config/Explain.ts"
import { resolve } from "../config/Resolve.ts"
import { quoted } from "../config/Setting.ts"
import { refuse, type Refusal } from "./Refusal.ts"
import { table } from "./Table.ts"

/** Prints every fault of the configuration and ends with exit code 2 (SPEC 1); other errors pass. */
export const reportFaults = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, Exclude<E, ConfigFaults> | Refusal, R> =>
  effect.pipe(
    Effect.catch((error): Effect.Effect<never, Exclude<E, ConfigFaults> | Refusal> => {
      if (error instanceof ConfigFaults) {
        const { length } = error.faults
        const head = `The configuration has ${length === 1 ? "a fault" : `${length} faults`}:`
        return refuse(`${head}\n${error.message}`, error[Runtime.errorExitCode])
      }
      return Effect.fail(error as Exclude<E, ConfigFaults>) // the only ConfigFaults went the other way
    }),
  )

/** The configuration of this environment; warnings go to standard error, so that output stays what was asked for. */
export const resolved = resolve.pipe(
  Effect.tap(({ warnings }) => Effect.forEach(warnings, (warning) => Console.error(warning))),
  reportFaults,
)

const check = Command.make(
  "check",
  {},
  Effect.fnUntraced(function* () {
    yield* resolved
    yield* Console.log("The configuration is valid.")
  }),
).pipe(Command.withDescription("Say whether the gateway would start with this environment"))

const explainCommand = Command.make(
  "explain",
  {
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON instead of a table"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ json }) {
    const rows = explain(yield* resolved)
    const lines = rows.map(({ setting, value, origin, about }) => [setting, shown(value), origin, about])
    yield* Console.log(
      json ? JSON.stringify(rows, null, 2) : table(["SETTING", "VALUE", "ORIGIN", "ABOUT"], lines),
    )
  }),
).pipe(Command.withDescription("Print the configuration in force and where each value came from"))

const shown = (value: string | null): string =>
  value === null ? "(not set)" : value.includes(" ") ? quoted(value) : value

/** `gateway config ...` */
export const configCommand = Command.make("config").pipe(
  Command.withDescription("Inspect the configuration"),
  Command.withSubcommands([check, explainCommand]),
)
