import { Console, Effect } from "effect"
import { Flag } from "effect/cli"
import type { AdminClient } from "./AdminClient.ts"
import { type SaidTarget, targetFlags, targetOf } from "./AdminTarget.ts"

/** The flags of every command that asks a running gateway. */
export const adminFlags = {
  ...targetFlags,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the gateway's JSON, for scripts"),
    Flag.withDefault(false),
  ),
}

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
  yield* Console.log(said.json ? JSON.stringify(answer, null, 2) : shown(answer))
})
