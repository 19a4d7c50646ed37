import { Console, Data, Effect, Runtime } from "effect"

/** A command that said on standard error why it stopped; the process ends with the exit code and says no more. */
export class Refusal extends Data.TaggedError("Refusal")<{ readonly exitCode: number }> {
  override readonly [Runtime.errorReported] = false
  override get [Runtime.errorExitCode](): number {
    return this.exitCode
  }
}

/** Says why, and stops. */
export const refuse = (message: string, exitCode: number): Effect.Effect<never, Refusal> =>
  Effect.andThen(Console.error(message), Effect.fail(new Refusal({ exitCode })))
