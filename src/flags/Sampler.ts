import { buckets, bucketOf } from "./Latency.ts"
import { bySpan, type BothGroups, type Group, type GroupSamples, type Seen, total } from "./Samples.ts"

/** What has been observed of a group since it was taken last. Nothing is made anew while requests come. */
class Observed {
  requests = 0
  errors = 0
  /** What was taken since the start of the process. */
  readonly taken = { requests: 0, errors: 0 }
  readonly #latencies = new Uint32Array(buckets)

  add(isError: boolean, seconds: number | undefined): void {
    this.requests++
    if (isError) this.errors++
    if (seconds === undefined) return
    const bucket = bucketOf(seconds)
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + 1
  }

  take(): GroupSamples {
    const { requests, errors } = this
    const latencies = new Map<number, number>()
    for (const [bucket, count] of this.#latencies.entries()) if (count > 0) latencies.set(bucket, count)
    this.#latencies.fill(0)
    this.requests = this.errors = 0
    this.taken.requests += requests
    this.taken.errors += errors
    return { requests, errors, latencies }
  }
}

/** How finely a span is cut: so much of it leaves at once. */
const parts = 12

/** What was seen in a span of time, as it slides on. */
class Sliding {
  readonly #millis: number
  #parts: ReadonlyArray<{ readonly began: number; readonly ended: number; readonly samples: BothGroups }> = []

  constructor(millis: number) {
    this.#millis = millis
  }

  add(samples: BothGroups, now: number): void {
    const kept = this.#parts.filter(({ ended }) => ended > now - this.#millis)
    const last = kept.at(-1)
    this.#parts =
      last !== undefined && now - last.began < this.#millis / parts
        ? [...kept.slice(0, -1), { ...last, ended: now, samples: total([last.samples, samples]) }]
        : [...kept, { began: now, ended: now, samples }]
  }

  sum(): BothGroups {
    return total(this.#parts.map(({ samples }) => samples))
  }
}

/** What this instance sees of a step. It is bounded, however long the step is and however long nobody asks. */
export class Sampler {
  readonly #observed: Readonly<Record<Group, Observed>> = { canary: new Observed(), control: new Observed() }
  #step: number | undefined
  #spans = bySpan((_, millis) => new Sliding(millis))

  /** Nothing while no step is followed. */
  readonly observe = (group: Group, status: number, seconds: number | undefined): void => {
    if (this.#step !== undefined) this.#observed[group].add(status >= 500, seconds)
  }

  /** From now on what is observed is of this step, or of none; of another than before, nothing has been seen. */
  follow(step: number | undefined): void {
    if (step === this.#step) return
    this.#take()
    this.#step = step
    this.#spans = bySpan((_, millis) => new Sliding(millis))
  }

  /** As of now, in milliseconds that only grow. */
  seen(now: number): Seen {
    const samples = this.#take()
    return bySpan((span) => {
      this.#spans[span].add(samples, now)
      return this.#spans[span].sum()
    })
  }

  /** Since the start of the process. */
  total(group: Group): { readonly requests: number; readonly errors: number } {
    const { requests, errors, taken } = this.#observed[group]
    return { requests: taken.requests + requests, errors: taken.errors + errors }
  }

  #take(): BothGroups {
    return { canary: this.#observed.canary.take(), control: this.#observed.control.take() }
  }
}
