/** What a rung needs to start. */
export interface RungContext {
  /** Origin of the shared upstream, without a trailing slash: `http://127.0.0.1:<port>`. */
  readonly upstream: string
  /** An empty temporary directory for configuration files and logs; removed at the end. */
  readonly workDir: string
  /** True when `--source` was given: run the gateway from src/ even if dist/ exists. */
  readonly useSource: boolean
}

/** A started rung. */
export interface Running {
  /** The proxy process. Its descendants (nginx workers) are measured along with it. */
  readonly pid: number
  /** Origin to send the load to, without a trailing slash. */
  readonly url: string
  /** What exactly runs, where that may vary. */
  readonly program?: string
  /** Ends the process and resolves once it is gone. */
  readonly stop: () => Promise<void>
}

export type Headers = Readonly<Record<string, string>>

/** One step of the ladder. To add one: a file in rungs/, and a line in rungs/index.ts. */
export interface Rung {
  readonly name: string
  /** Resolves when the rung answers. Throws `Unavailable` if this machine cannot run it at all. */
  readonly start: (context: RungContext) => Promise<Running>
  /** Request headers, asked for before every measurement, so that short-lived tokens stay fresh. */
  readonly headers?: () => Promise<Headers>
}

/** Thrown by `Rung.start` when a program is not installed: the rung is skipped, which is not a failure. */
export class Unavailable extends Error {
  override readonly name = "Unavailable"
}

/** One rung in one round. */
export interface Sample {
  readonly rung: string
  /** Counted from 1. */
  readonly round: number
  /** Completed requests per second. */
  readonly requestsPerSecond: number
  /** Median latency, milliseconds. */
  readonly p50Ms: number
  /** 99th percentile of latency, milliseconds. */
  readonly p99Ms: number
  /** Non-2xx answers, wrong bodies, connection errors and timeouts, warm-up included. */
  readonly errors: number
  /** CPU time of the proxy process and its descendants, microseconds per request. */
  readonly cpuMicros: number
  /** CPU cores in use by the proxy, on average (1 = one core saturated). */
  readonly cores: number
  /** Resident memory of the proxy and its descendants at the end of the round, MiB. */
  readonly rssMib: number
}
