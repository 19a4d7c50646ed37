import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { buckets, bucketOf, quantile, slowerThan } from "../../src/flags/Latency.ts"
import { Sampler } from "../../src/flags/Sampler.ts"
import {
  type BothGroups,
  type Group,
  groups,
  type GroupSamples,
  nothingSeen,
  total,
} from "../../src/flags/Samples.ts"

const second = 1000
const minute = 60 * second

/** The samples of requests that took so many seconds. */
const samplesOf = (latencies: ReadonlyArray<number>): GroupSamples => {
  const sampler = new Sampler()
  sampler.follow(1)
  for (const seconds of latencies) sampler.observe("canary", 200, seconds)
  return sampler.seen(0).step.canary
}

/** What the nearest rank is. */
const exactly = (latencies: ReadonlyArray<number>, share: number) =>
  latencies.toSorted((one, other) => one - other)[Math.ceil(share * latencies.length - 1e-9) - 1] ??
  Number.NaN

const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Finite.check(Schema.isBetween({ minimum, maximum })))
/** From a millisecond to ten minutes, each order of magnitude as likely as the other. */
const latency = Arbitrary.map(between(-3, Math.log10(600)), (power) => 10 ** power)
const someLatencies = Arbitrary.array(latency, { minLength: 1, maxLength: 300 })
const shares = Arbitrary.schema(Schema.Literals([0.01, 0.5, 0.9, 0.95, 0.99, 1]))

describe("latencies in buckets", () => {
  it.effect.prop(
    "have quantiles that are never too low, and at most 5 % too high",
    [someLatencies, shares],
    ([latencies, share]) =>
      Effect.sync(() => {
        const found = quantile(samplesOf(latencies), share) ?? Number.NaN
        const exact = exactly(latencies, share)
        assert.isAtLeast(found, exact * (1 - 1e-9))
        assert.isAtMost(found, exact * (1.05 + 1e-9))
      }),
  )

  it.effect.prop(
    "count as slow no request that was not, and miss none that took 5 % more",
    [someLatencies, latency],
    ([latencies, limit]) =>
      Effect.sync(() => {
        const found = slowerThan(samplesOf(latencies), limit)
        assert.isAtMost(found, latencies.filter((each) => each >= limit * (1 - 1e-9)).length)
        assert.isAtLeast(found, latencies.filter((each) => each > limit * (1.05 + 1e-9)).length)
      }),
  )

  it.effect.prop("have a bucket for every number there is", [between(0, Number.MAX_VALUE)], ([seconds]) =>
    Effect.sync(() => {
      const bucket = bucketOf(seconds)
      assert.isTrue(Number.isInteger(bucket) && bucket >= 0 && bucket < buckets)
    }),
  )

  it("have one for what takes no time, and one for what takes for ever", () => {
    for (const seconds of [0, 1e-9, 0.0005, 0.001]) assert.strictEqual(bucketOf(seconds), 0)
    for (const seconds of [601, 1e9, Number.POSITIVE_INFINITY])
      assert.strictEqual(bucketOf(seconds), buckets - 1)
  })

  it("have no quantile where there is no request", () => {
    assert.isUndefined(quantile(nothingSeen.canary, 0.95))
    assert.strictEqual(slowerThan(nothingSeen.canary, 0), 0)
  })
})

describe("samples", () => {
  const group = Arbitrary.array(Arbitrary.all([Arbitrary.schema(Schema.Boolean), latency]), { maxLength: 50 })
  const requests = Arbitrary.all({ canary: group, control: group })
  type Requests = Readonly<Record<Group, ReadonlyArray<readonly [isError: boolean, seconds: number]>>>
  const seenOf = (all: ReadonlyArray<Requests>): BothGroups => {
    const sampler = new Sampler()
    sampler.follow(1)
    for (const each of all)
      for (const name of groups)
        for (const [isError, seconds] of each[name]) sampler.observe(name, isError ? 500 : 200, seconds)
    return sampler.seen(0).step
  }

  it.effect.prop(
    "of several are those of all their requests, in whatever order",
    [requests, requests],
    ([one, other]) =>
      Effect.sync(() => {
        const [first, then] = [seenOf([one]), seenOf([other])]
        const both = seenOf([one, other])
        assert.deepEqual(total([first, then]), both)
        assert.deepEqual(total([then, first]), both)
        assert.deepEqual(total([nothingSeen, first]), first)
      }),
  )
})

/** So many requests of the canary. */
const observe = (sampler: Sampler, count: number, status = 200) => {
  for (let i = 0; i < count; i++) sampler.observe("canary", status, 0.1)
}
const requestsOf = (sampler: Sampler, now: number) => {
  const seen = sampler.seen(now)
  return [seen.minute, seen["five-minutes"], seen["half-hour"], seen.step].map(
    ({ canary }) => canary.requests,
  )
}

describe("what an instance has seen", () => {
  it("is in every span, and has left each when the span has passed, and a twelfth of it", () => {
    const sampler = new Sampler()
    sampler.follow(1)
    observe(sampler, 7)
    assert.deepStrictEqual(requestsOf(sampler, 0), [7, 7, 7, 7])
    assert.deepStrictEqual(requestsOf(sampler, minute - 1), [7, 7, 7, 7])
    assert.deepStrictEqual(requestsOf(sampler, (13 / 12) * minute), [0, 7, 7, 7])
    assert.deepStrictEqual(requestsOf(sampler, (13 / 12) * 5 * minute), [0, 0, 7, 7])
    assert.deepStrictEqual(requestsOf(sampler, (13 / 12) * 30 * minute), [0, 0, 0, 7])
    assert.deepStrictEqual(requestsOf(sampler, 10_000 * minute), [0, 0, 0, 7])
  })

  it.each([0.5, 5, 60])(
    "slides on with looks each %d seconds, a twelfth of the span too much at most",
    (every) => {
      const sampler = new Sampler()
      sampler.follow(1)
      let seen: ReadonlyArray<number> = []
      for (let now = 0; now <= 70 * minute; now += every * second) {
        observe(sampler, every * 10)
        seen = requestsOf(sampler, now)
      }
      for (const [index, seconds] of [60, 300, 1800].entries()) {
        assert.isAtLeast(seen[index] ?? 0, seconds * 10 - 1e-9)
        assert.isAtMost(seen[index] ?? 0, Math.max(seconds, every) * 10 * (1 + 1 / 12) + every * 10)
      }
    },
  )

  it("is of one step: nothing of another, nor of the time when there was none", () => {
    const sampler = new Sampler()
    observe(sampler, 1)
    sampler.follow(1)
    observe(sampler, 2)
    assert.deepStrictEqual(requestsOf(sampler, 0), [2, 2, 2, 2])
    observe(sampler, 3)
    sampler.follow(1)
    assert.deepStrictEqual(requestsOf(sampler, 0), [5, 5, 5, 5])
    observe(sampler, 4)
    sampler.follow(2)
    assert.deepStrictEqual(requestsOf(sampler, 0), [0, 0, 0, 0])
    observe(sampler, 5)
    sampler.follow(undefined)
    observe(sampler, 6)
    sampler.follow(2)
    assert.deepStrictEqual(requestsOf(sampler, 0), [0, 0, 0, 0])
  })

  it("takes answers of 500 and more for errors, and nothing else", () => {
    const sampler = new Sampler()
    sampler.follow(1)
    for (const status of [101, 200, 304, 401, 403, 404, 408, 429, 499, 500, 502, 503, 504, 599])
      sampler.observe("control", status, 0.1)
    assert.deepInclude(sampler.seen(0).minute.control, { requests: 14, errors: 5 })
    assert.deepInclude(sampler.seen(0).minute.canary, { requests: 0, errors: 0 })
  })

  it("is counted since the start, whatever the steps", () => {
    const sampler = new Sampler()
    observe(sampler, 1)
    sampler.follow(1)
    observe(sampler, 2)
    sampler.seen(0)
    observe(sampler, 3, 503)
    sampler.follow(2)
    observe(sampler, 4)
    assert.deepStrictEqual(sampler.total("canary"), { requests: 9, errors: 3 })
    assert.deepStrictEqual(sampler.total("control"), { requests: 0, errors: 0 })
  })
})
