import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { listed, reason } from "../admin/Bounds.ts"
import type { AdminClient } from "./AdminClient.ts"
import { type SaidTarget, targetFlags, targetOf } from "./AdminTarget.ts"
import { printableJson, printableLines } from "./Table.ts"

/** The flags of every command that asks a running gateway. */
export const adminFlags = {
  ...targetFlags,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the gateway's JSON, for scripts"),
    Flag.withDefault(false),
  ),
}

/** A whole number within bounds, and a sentence for whoever says another. */
export const wholeFlag = (name: string, { minimum, maximum }: typeof listed, about: string) => {
  const range = `from ${minimum} to ${maximum}`
  return Flag.String(name).pipe(
    Flag.withMetavar("number"),
    Flag.withDescription(`${about}, ${range}`),
    Flag.filterMap(
      (text) =>
        Option.some(Number(text)).pipe(
          Option.filter((number) => /^\d+$/.test(text) && number >= minimum && number <= maximum),
        ),
      () => `a whole number ${range}`,
    ),
  )
}

/** How much of a list is shown. */
export const limitFlag = wholeFlag("limit", listed, "How many").pipe(Flag.withDefault(50))

/** Why somebody does something; whoever changes something has to say it. */
export const reasonFlag = Flag.String("reason").pipe(
  Flag.withDescription("Why, in one line; it goes on record"),
  Flag.filter(
    (text) => reason.pattern.test(text),
    () => reason.expected,
  ),
)

/**
 * Asks the gateway and prints its answer, `shown` to people or as JSON. The client is loaded here: it takes longer to
 * load than most of the gateway, and `serve` is a command too.
 */
export const printAnswer = Effect.fnUntraced(function* <A, E>(
  said: SaidTarget & { readonly json: boolean },
  question: (client: AdminClient) => Effect.Effect<A, E>,
  shown: (answer: A) => string,
) {
  const target = yield* targetOf(said)
  const { ask } = yield* Effect.promise(() => import("./AdminClient.ts"))
  const answer = yield* ask(target, question)
  yield* Console.log(said.json ? printableJson(answer) : printableLines(shown(answer)))
})
