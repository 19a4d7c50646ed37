import { Duration, Effect, Option, Redacted, Schedule } from "effect"
import cluster, { type Worker } from "node:cluster"
import type { GatewaySettings } from "../config/GatewayConfig.ts"
import { Refusal } from "./Refusal.ts"

/** Tells a worker which of the `WORKERS` it is; set by the supervisor, never by an operator. */
export const workerIndexVariable = "GATEWAY_WORKER_INDEX"

/** Says, in a worker, that it serves. */
export const tellSupervisor = Effect.sync(() => {
  cluster.worker?.send("serving")
})

/**
 * Runs `WORKERS` processes on one port and starts each again when it dies, with a growing pause so that a fault
 * that kills at once does not burn the machine. Stopping drains all of them.
 *
 * A worker that dies before it ever served has said why; starting it again would not help, so then all stop.
 */
export const supervise = (config: GatewaySettings): Effect.Effect<void, Refusal> =>
  Effect.forEach(
    Array.from({ length: config.server.workers }, (_, index) => index),
    (index) => keepRunning(index, { ...secretsFor(config), [workerIndexVariable]: String(index) }),
    { concurrency: "unbounded", discard: true },
  )

const keepRunning = (index: number, env: Record<string, string>): Effect.Effect<never, Refusal> =>
  Effect.suspend(() => {
    let everServed = false
    const life = runWorker(env, () => (everServed = true)).pipe(
      Effect.tap((code) =>
        everServed
          ? Effect.logError(`Worker ${index} died with exit code ${code}; starting it again`)
          : Effect.fail(new Refusal({ exitCode: code === null || code === 0 ? 1 : code })),
      ),
      Effect.timed,
    )
    // Who lived long did not die of its start, and the next pause is short again.
    return Effect.forever(
      Effect.repeat(life, { schedule: pauses, while: ([lasted]) => Duration.toSeconds(lasted) < 60 }),
    )
  })

const pauses = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])

/** Secrets that this process generated must be the same in all workers. */
const secretsFor = ({ auth: { issuers } }: GatewaySettings): Record<string, string> => ({
  ...Option.match(issuers.CP.secret, {
    onNone: () => ({}),
    onSome: (secret) => ({ JWT_SECRET_CP: Redacted.value(secret) }),
  }),
  ...Option.match(issuers.PP.secret, {
    onNone: () => ({}),
    onSome: (secret) => ({ JWT_SECRET_PP: Redacted.value(secret) }),
  }),
})

/** One life of a worker; succeeds with its exit code, null when a signal killed it. */
const runWorker = (env: Record<string, string>, onServing: () => void): Effect.Effect<number | null> =>
  Effect.acquireUseRelease(
    Effect.sync(() => cluster.fork(env).once("message", onServing)),
    exited,
    stop,
  )

const exited = (worker: Worker): Effect.Effect<number | null> =>
  Effect.callback((resume) => {
    if (worker.isDead()) return resume(Effect.succeed(worker.process.exitCode))
    const onExit = (code: number | null) => resume(Effect.succeed(code))
    worker.once("exit", onExit)
    return Effect.sync(() => worker.off("exit", onExit))
  })

const stop = (worker: Worker): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (worker.isDead()) return Effect.void
    worker.process.kill("SIGTERM")
    return Effect.asVoid(exited(worker))
  })
