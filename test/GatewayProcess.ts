import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { temporaryFolder } from "./TemporaryFolder.ts"
import { until } from "./Until.ts"

const entry = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** `gateway serve` as a process of its own, killed with its scope. */
export interface GatewayProcess {
  /** Node's id of the process: the only one, or the supervisor of the workers. */
  readonly pid: number
  readonly output: () => string
  readonly errors: () => string
  /** The lines of the output that are JSON objects. */
  readonly logs: () => ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The exit code; null when a signal killed it. */
  readonly exited: Effect.Effect<number | null>
}

/** Starts it with this environment and no other, and waits for nothing. */
export const spawnGateway = (
  env: Readonly<Record<string, string>>,
): Effect.Effect<GatewayProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [entry, "serve"], { env })
      let [output, errors] = ["", ""]
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
      const gone = new Promise<number | null>((resolve) => child.once("close", resolve))
      return {
        pid: child.pid ?? 0,
        output: () => output,
        errors: () => errors,
        logs: () =>
          output
            .split("\n")
            .filter((line) => line.startsWith("{"))
            .map((line): Record<string, unknown> => JSON.parse(line)),
        signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
        exited: Effect.promise(() => gone),
      }
    }),
    ({ exited, signal }) => Effect.andThen(signal("SIGKILL"), exited),
  )

/** The same on free ports, with a folder of its own for its state unless one is given, once it listens. */
export const serveGateway = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const STATE_DIR = env["STATE_DIR"] ?? (yield* temporaryFolder)
  const gateway = yield* spawnGateway({ PORT: "0", ADMIN_PORT: "0", ...env, STATE_DIR })
  const ports = () =>
    /(?:CP portal +|"address":")http:\/\/127\.0\.0\.1:(\d+)[^]*?(?:Admin +|"admin":")http:\/\/127\.0\.0\.1:(\d+)/.exec(
      gateway.output(),
    )
  yield* until(() => ports() !== null)
  const [, port, adminPort] = ports() ?? []
  return { ...gateway, port: Number(port), adminPort: Number(adminPort) }
})
