/** One rung in one round: warm up, then load it between two readings of its CPU time. */
import { body, requestPath } from "./answer.ts"
import type { Load } from "./load-client.ts"
import type { Options } from "./options.ts"
import { cpuNanosBetween, cpuTimes, rssMib } from "./proc.ts"
import type { Rung, Running, Sample } from "./types.ts"

export interface Subject {
  readonly rung: Rung
  readonly running: Running
  readonly load: Load
  readonly options: Options
}

const jobFor = async ({ rung, running, options }: Subject) => ({
  url: running.url + requestPath,
  headers: (await rung.headers?.()) ?? {},
  connections: options.connections,
  expectBody: body,
})

/** Loads a rung once before the first round, so that no round meets cold code. Returns its errors. */
export const heat = async (subject: Subject): Promise<number> => {
  const job = await jobFor(subject)
  const { errors } = await subject.load.run({ ...job, seconds: subject.options.heat })
  return errors
}

export const measure = async (subject: Subject, round: number): Promise<Sample> => {
  const { rung, running, load, options } = subject
  const job = await jobFor(subject)
  const warmup = await load.run({ ...job, seconds: options.warmup })

  const before = cpuTimes(running.pid)
  const started = performance.now()
  const result = await load.run({ ...job, seconds: options.seconds })
  const elapsedMs = performance.now() - started
  const cpuNanos = cpuNanosBetween(before, cpuTimes(running.pid))

  return {
    rung: rung.name,
    round,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    errors: warmup.errors + result.errors,
    cpuMicros: cpuNanos / 1_000 / result.requests,
    cores: cpuNanos / 1_000_000 / elapsedMs,
    rssMib: rssMib(running.pid),
  }
}
