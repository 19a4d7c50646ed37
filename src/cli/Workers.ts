import { Effect, Option, Redacted, Schedule } from "effect"
import cluster, { type Worker } from "node:cluster"
import type { GatewaySettings } from "../config/GatewayConfig.ts"

/** Tells a worker which of the `WORKERS` it is; set by the supervisor, never by an operator. */
export const workerIndexVariable = "GATEWAY_WORKER_INDEX"

/**
 * Runs `WORKERS` processes on one port and starts each again when it dies, with a growing pause so that a fault
 * that kills at once does not burn the machine. Stopping drains all of them.
 */
export const supervise = (config: GatewaySettings): Effect.Effect<void> =>
  Effect.forEach(
    Array.from({ length: config.server.workers }, (_, index) => index),
    (index) =>
      runWorker({ ...secretsFor(config), [workerIndexVariable]: String(index) }).pipe(
        Effect.flatMap((code) =>
          Effect.logError(`Worker ${index} died with exit code ${code}; starting it again`),
        ),
        Effect.repeat(Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])),
      ),
    { concurrency: "unbounded", discard: true },
  )

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

/** One life of a worker; succeeds with its exit code. */
const runWorker = (env: Record<string, string>): Effect.Effect<number | null> =>
  Effect.acquireUseRelease(
    Effect.sync(() => cluster.fork(env)),
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
