/**
 * The load generator: autocannon in a process of its own, which lives for the whole run and takes one job
 * after another over the message channel, so that it stays equally warm for every rung.
 */
import autocannon from "autocannon"
import type { Headers } from "./types.ts"

export interface LoadJob {
  readonly url: string
  readonly headers: Headers
  readonly connections: number
  readonly seconds: number
  /** Any other body counts as an error. */
  readonly expectBody: string
}

export interface LoadResult {
  readonly requests: number
  /** From the first request to the last answer, seconds. */
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Non-2xx answers, wrong bodies, connection errors and timeouts. */
  readonly errors: number
}

/** Stop a hopeless job after this many errors. */
const tooManyErrors = 1_000

const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN

const run = (job: LoadJob): Promise<LoadResult> =>
  new Promise((resolve, reject) => {
    const latencies: number[] = []
    const started = performance.now()
    let last = started
    const { url, headers, connections, expectBody } = job
    const instance = autocannon(
      {
        url,
        headers,
        connections,
        expectBody,
        duration: job.seconds,
        sampleInt: 100,
        bailout: tooManyErrors,
      },
      (error: unknown, result) => {
        if (error) return reject(error)
        const sorted = Float64Array.from(latencies).toSorted()
        resolve({
          requests: latencies.length,
          seconds: (last - started) / 1000,
          p50Ms: percentile(sorted, 0.5),
          p99Ms: percentile(sorted, 0.99),
          errors: result.errors + result.non2xx + result.mismatches,
        })
      },
    )
    // autocannon's own histogram has a resolution of 1 ms, which is too coarse here.
    instance.on("response", (_client, _status, _bytes, milliseconds) => {
      latencies.push(milliseconds)
      last = performance.now()
    })
  })

process.on("message", (message) => {
  // as: the only sender is load-client.ts, which sends jobs.
  run(message as LoadJob).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on("disconnect", () => process.exit())
