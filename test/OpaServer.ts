import { Effect, Schedule, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { freePort } from "./FreePort.ts"

const policies = fileURLToPath(new URL("../policies/", import.meta.url))

/** What an operator starts OPA with (deploy/README.md). */
const commandFor = (address: string): ReadonlyArray<string> =>
  `run --server --addr ${address} --log-level error --ignore *_test.rego --ignore compiled --ignore data.json`
    .split(" ")
    .concat(policies, `${policies}compiled/data.json`)

/** An OPA server of a test's own, with the gateway's policies. */
export interface OpaServer {
  readonly url: string
  /** Ends it at once, as a crash does. */
  readonly kill: Effect.Effect<void>
  /** Stops its process where it stands: it accepts and never answers. */
  readonly freeze: Effect.Effect<void>
  /** Starts it again on the same port, or thaws it; done once it answers. */
  readonly revive: Effect.Effect<void>
}

const alive = (child: ChildProcess | undefined) =>
  child !== undefined && child.exitCode === null && child.signalCode === null

export const startOpaServer: Effect.Effect<OpaServer, never, Scope.Scope> = Effect.acquireRelease(
  Effect.gen(function* () {
    const address = `127.0.0.1:${yield* freePort}`
    let child: ChildProcess | undefined
    const answers = Effect.tryPromise(() => fetch(`http://${address}/health`)).pipe(
      Effect.flatMap(({ ok }) => (ok ? Effect.void : Effect.fail("not ready"))),
      Effect.retry(Schedule.spaced("50 millis")),
      Effect.timeout("20 seconds"),
      Effect.orDie,
    )
    const kill = Effect.callback<void>((resume) => {
      if (child === undefined || !alive(child)) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
    const revive = Effect.suspend(() => {
      if (alive(child)) child?.kill("SIGCONT")
      else {
        const program = process.env["TEST_OPA_BIN"] ?? "opa"
        child = spawn(program, commandFor(address), { stdio: "ignore" })
      }
      return answers
    })
    const server: OpaServer = {
      url: `http://${address}`,
      kill,
      freeze: Effect.sync(() => void child?.kill("SIGSTOP")),
      revive,
    }
    yield* revive
    return server
  }),
  ({ kill }) => kill,
)

/** Two of them, and what tells a gateway to ask them. */
export const startOpaServers = Effect.gen(function* () {
  const servers = yield* Effect.all([startOpaServer, startOpaServer], { concurrency: 2 })
  const env = { OPA_LAYER: "http", OPA_URLS: servers.map(({ url }) => url).join(",") }
  return { servers, env }
})
