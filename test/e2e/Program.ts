import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"

/** A process that a test started; it ends with the test's scope at the latest. */
export interface Program {
  /** Waits until all that it printed matches; dies, with what it printed, when it ends before that. */
  readonly printed: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
  /** Waits for its end: the exit code, or null when a signal ended it. */
  readonly exited: Effect.Effect<number | null>
  /** Tells it to stop, and waits for its end. */
  readonly stop: Effect.Effect<number | null>
}

/** Runs a command in a folder with this environment and no other, but for the way to this Node. */
export const run = (
  [command = "", ...args]: ReadonlyArray<string>,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = process.execPath.replace(/\/[^/]*$/, "")
      const child = spawn(command, args, {
        cwd,
        env: { PATH: path, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      })
      let output = ""
      const append = (text: string) => {
        output += text
      }
      child.stdout.setEncoding("utf8").on("data", append)
      child.stderr.setEncoding("utf8").on("data", append)
      const closed = once(child, "close")
      const exited = Effect.map(
        Effect.promise(() => closed),
        () => child.exitCode,
      )
      const program: Program = {
        printed: (pattern) =>
          Effect.callback((resume) => {
            const look = () => {
              const match = pattern.exec(output)
              if (match !== null) resume(Effect.succeed(match))
            }
            const ended = () => {
              look()
              resume(Effect.die(new Error(`It ended, and ${pattern} is not in what it printed:\n${output}`)))
            }
            child.stdout.on("data", look)
            child.stderr.on("data", look)
            child.once("close", ended)
            look()
          }),
        exited,
        stop: Effect.suspend(() => {
          child.kill("SIGTERM")
          return exited
        }),
      }
      return { program, kill: () => child.kill("SIGKILL") }
    }),
    ({ kill }) => Effect.sync(kill),
  ).pipe(Effect.map(({ program }) => program))
