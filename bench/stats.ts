/** Medians over rounds, and ratios that pair two rungs within each round. */
import type { Sample } from "./types.ts"

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** How one rung compares with another, both as "how many times more": below 1 is better than the other. */
export interface Comparison {
  /** Ratio of CPU time per request. */
  readonly cpu: Spread
  /** Ratio of elapsed time per request, which is the inverse ratio of requests per second. */
  readonly time: Spread
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  return (lower + upper) / 2
}

const spread = (values: ReadonlyArray<number>): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
})

/** Pairs the two rungs round by round. Undefined if they share no round. */
export const compare = (
  samples: ReadonlyArray<Sample>,
  rung: string,
  reference: string,
): Comparison | undefined => {
  const pairs = samples.flatMap((own) => {
    if (own.rung !== rung) return []
    const other = samples.find((sample) => sample.rung === reference && sample.round === own.round)
    return other === undefined ? [] : [{ own, other }]
  })
  if (pairs.length === 0) return undefined
  return {
    cpu: spread(pairs.map(({ own, other }) => own.cpuMicros / other.cpuMicros)),
    time: spread(pairs.map(({ own, other }) => other.requestsPerSecond / own.requestsPerSecond)),
  }
}

/** Medians of one rung's samples; units as in `Sample`. */
export const medians = (samples: ReadonlyArray<Sample>) => {
  const of = (metric: (sample: Sample) => number) => median(samples.map(metric))
  return {
    requestsPerSecond: of((sample) => sample.requestsPerSecond),
    p50Ms: of((sample) => sample.p50Ms),
    p99Ms: of((sample) => sample.p99Ms),
    cpuMicros: of((sample) => sample.cpuMicros),
    cores: of((sample) => sample.cores),
    rssMib: of((sample) => sample.rssMib),
  }
}
