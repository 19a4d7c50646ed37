import { Argument, Command } from "effect/cli"
import { forcedMinutes } from "../admin/Bounds.ts"
import type { BreakerView } from "../admin/Breakers.ts"
import { adminFlags, printAnswer, reasonFlag, wholeFlag } from "./AdminCommand.ts"
import { printable, table } from "./Table.ts"

type View = typeof BreakerView.Type

const list = Command.make("list", adminFlags, (said) =>
  printAnswer(
    said,
    ({ breakers }) => breakers.list(),
    ({ breakers }) =>
      table(
        ["DEPENDENCY", "STATE", "SINCE", "FORCED UNTIL", "BY", "REASON"],
        breakers.map(({ dependency, state, since, forced }) => [
          dependency,
          state,
          since,
          ...(forced === null ? ["", "", ""] : [forced.until, forced.by, forced.reason]),
        ]),
      ),
  ),
).pipe(Command.withDescription("Print how the circuit breakers of one instance stand"))

const name = Argument.String("name").pipe(Argument.withDescription("The dependency, as `list` has it"))

const forcing = (verb: "open" | "close", state: "open" | "closed", about: string) =>
  Command.make(
    verb,
    {
      name,
      reason: reasonFlag,
      minutes: wholeFlag("minutes", forcedMinutes, "For how long"),
      ...adminFlags,
    },
    ({ name: dependency, reason, minutes, ...said }) =>
      printAnswer(
        said,
        ({ breakers }) => breakers.force({ params: { dependency }, payload: { state, reason, minutes } }),
        shown,
      ),
  ).pipe(Command.withDescription(about))

const release = Command.make("release", { name, ...adminFlags }, ({ name: dependency, ...said }) =>
  printAnswer(said, ({ breakers }) => breakers.release({ params: { dependency } }), shown),
).pipe(Command.withDescription("Let a circuit breaker judge for itself again, on every instance"))

const shown = ({ dependency, state, forced }: View): string =>
  printable(
    forced === null
      ? `${dependency} is ${state}, and judges for itself.`
      : `${dependency} is forced ${forced.state} until ${forced.until}.`,
  )

/** `gateway breakers ...` */
export const breakersCommand = Command.make("breakers").pipe(
  Command.withDescription("Read and force circuit breakers"),
  Command.withSubcommands([
    list,
    forcing("open", "open", "Stop asking a dependency, on every instance"),
    forcing("close", "closed", "Ask a dependency whatever its failures, on every instance"),
    release,
  ]),
)
