import { Context } from "effect"

/** Enrolled by the cohort rule, or passed over by it. Customers with a row of their own, and staff, are in neither. */
export const groups = ["canary", "control"] as const
export type Group = (typeof groups)[number]

/** What was seen of a group's requests. Sums of several are again samples. */
export interface GroupSamples {
  readonly requests: number
  /** Answered with 5xx, whoever said so. */
  readonly errors: number
  /** How many requests, of those of which it is known, took how long, by the index of the bucket (`Latency`); sparse. */
  readonly latencies: ReadonlyMap<number, number>
}
export type BothGroups = Readonly<Record<Group, GroupSamples>>

/**
 * How far back a step is looked at, in milliseconds. A short span soon shows what breaks late in a step; a long one has
 * enough requests to show what is only a little worse.
 */
export const spans = {
  minute: 60_000,
  "five-minutes": 300_000,
  "half-hour": 1_800_000,
  /** All of it. */
  step: Number.POSITIVE_INFINITY,
} as const
export type Span = keyof typeof spans

/** What was seen of a step, in each span that ends now. */
export type Seen = Readonly<Record<Span, BothGroups>>

/** For each span, what is made of its name and length. */
export const bySpan = <A>(make: (span: Span, millis: number) => A): Readonly<Record<Span, A>> => ({
  minute: make("minute", spans.minute),
  "five-minutes": make("five-minutes", spans["five-minutes"]),
  "half-hour": make("half-hour", spans["half-hour"]),
  step: make("step", spans.step),
})

const sum = (all: ReadonlyArray<GroupSamples>): GroupSamples => {
  let [requests, errors] = [0, 0]
  const latencies = new Map<number, number>()
  for (const each of all) {
    requests += each.requests
    errors += each.errors
    for (const [bucket, count] of each.latencies) latencies.set(bucket, (latencies.get(bucket) ?? 0) + count)
  }
  return { requests, errors, latencies }
}

/** All of it together. */
export const total = (all: ReadonlyArray<BothGroups>): BothGroups => ({
  canary: sum(all.map(({ canary }) => canary)),
  control: sum(all.map(({ control }) => control)),
})

export const nothingSeen = total([])

/** Where the CustomerFlags stage says how each request of a group went. */
export class RolloutSampler extends Context.Service<
  RolloutSampler,
  {
    /**
     * Synchronous and cheap. `status` as the client saw it; `seconds` from the stage to the head of the answer, undefined
     * where it does not show how fast the backend is.
     */
    readonly observe: (group: Group, status: number, seconds: number | undefined) => void
  }
>()("gateway/flags/RolloutSampler") {}
