import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const started = (program: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })),
    (child) => killed(child),
  )

/** A program of this folder in a process of its own, killed with its scope. */
export const startProgram = (
  name: string,
  args: ReadonlyArray<string>,
): Effect.Effect<ChildProcess, never, Scope.Scope> => started(process.execPath, [pathOf(name), ...args])

/** Ends it where it stands, as a crash does. */
export const killed = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** What such a program prints, where no file may be larger than so many KiB. */
export const printedOnFullDisk = (kibibytes: number, name: string, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const command = `ulimit -f ${kibibytes} && exec "$@"`
    const child = yield* started("bash", ["-c", command, "bash", process.execPath, pathOf(name), ...args])
    return yield* Effect.callback<string>((resume) => {
      let printed = ""
      child.stdout?.setEncoding("utf8").on("data", (text: string) => (printed += text))
      child.once("close", () => resume(Effect.succeed(printed)))
    })
  })

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
