import type { GroupSamples } from "./Samples.ts"

/** A bucket ends at this many times the end of the one before: what is read from it is at most 5 % too high. */
const growth = 1.05
/** Where the first bucket ends, in seconds. Nobody minds whether an answer took less. */
const first = 0.001
const perBucket = Math.log(growth)

/** The last one is for whatever took longer than ten minutes. */
export const buckets = 274

/** The index of the bucket for so many seconds. */
export const bucketOf = (seconds: number): number =>
  seconds <= first ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(seconds / first) / perBucket))

const endOf = (bucket: number): number => first * growth ** bucket

/**
 * The latency, in seconds, that this share of the requests did not take longer than; undefined without any. The nearest
 * rank, and of its bucket the end.
 */
export const quantile = ({ latencies }: GroupSamples, share: number): number | undefined => {
  const sorted = [...latencies].toSorted(([one], [other]) => one - other)
  let missing = share * sorted.reduce((sum, [, count]) => sum + count, 0)
  for (const [bucket, count] of sorted) {
    missing -= count
    if (missing <= 0) return endOf(bucket)
  }
  return undefined
}

/** Of how many requests it is known how long they took. */
export const timed = ({ latencies }: GroupSamples): number => {
  let count = 0
  for (const each of latencies.values()) count += each
  return count
}

/** How many requests certainly took this long or longer: those of buckets that begin there. */
export const slowerThan = ({ latencies }: GroupSamples, seconds: number): number => {
  let count = 0
  for (const [bucket, each] of latencies) if (bucket > 0 && endOf(bucket - 1) >= seconds) count += each
  return count
}
