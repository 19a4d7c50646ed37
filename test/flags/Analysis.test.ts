import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Option, Schema } from "effect"
import { assess, isStillSeen, type Limits } from "../../src/flags/Analysis.ts"
import { bucketOf } from "../../src/flags/Latency.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import {
  type BothGroups,
  bySpan,
  type GroupSamples,
  nothingSeen,
  type Seen,
  type Span,
} from "../../src/flags/Samples.ts"

const limits: Limits = {
  stepSeconds: 3600,
  analysisSeconds: 5,
  minSample: 100,
  errorMargin: 0.02,
  errorCeiling: 0.05,
  latencyFactor: 1.5,
}
const hour = 3_600_000
const rollout: Rollout = {
  state: "running",
  cohort: Option.some("canary_5pct"),
  automatic: true,
  step: 1,
  stepStartedAt: 1_767_225_600_000,
  updatedAt: 1_767_225_600_000,
  updatedBy: "staff-1",
  reason: "Because.",
  version: 1,
}
const everybody: Rollout = { ...rollout, cohort: Option.some("stable_100pct") }
const now = rollout.stepStartedAt + 2 * hour

/** So many requests, of which so many failed and so many were slow. */
const samples = (requests: number, { errors = 0, slow = 0, usual = 0.1, slowly = 1 } = {}): GroupSamples => ({
  requests,
  errors,
  latencies: new Map(
    [[bucketOf(usual), requests - slow] as const, [bucketOf(slowly), slow] as const].filter(
      ([, count]) => count > 0,
    ),
  ),
})
const both = (canary: GroupSamples, control: GroupSamples): BothGroups => ({ canary, control })
/** The same in every span but in those. */
const seen = (most: BothGroups, differently: Partial<Record<Span, BothGroups>> = {}): Seen =>
  bySpan((span) => differently[span] ?? most)

const judge = (what: Seen, of: Rollout = rollout, within: Partial<Limits> = {}) =>
  assess(of, what, { ...limits, ...within }, now, "all")
const verdictOf = (...args: Parameters<typeof judge>) => judge(...args).verdict

const good = both(samples(1000, { errors: 10, slow: 40 }), samples(19_000, { errors: 190, slow: 760 }))
const broken = both(samples(1000, { errors: 200 }), samples(19_000, { errors: 190 }))

describe("the analysis of a step", () => {
  it("finds it good where the canary does as the control, and shows what it compared", () => {
    assert.deepStrictEqual(judge(seen(good)), {
      verdict: "good",
      checks: [
        { metric: "error-ratio", canary: 0.01, control: 0.01, limit: 0.03, verdict: "kept" },
        {
          metric: "p95-latency",
          canary: 0.001 * 1.05 ** bucketOf(0.1),
          control: 0.001 * 1.05 ** bucketOf(0.1),
          limit: 0.001 * 1.05 ** bucketOf(0.1) * 1.5,
          verdict: "kept",
        },
      ],
      requests: { canary: 1000, control: 19_000 },
      errors: { canary: 10, control: 190 },
      since: rollout.stepStartedAt,
      until: now,
      scope: "all",
    })
  })

  it.each([
    ["minute", 60_000],
    ["five-minutes", 300_000],
    ["half-hour", 1_800_000],
    ["step", 2 * hour],
  ] as const)("finds it broken by what one span alone shows, and shows that: %s", (span, millis) => {
    const found = judge(seen(good, { [span]: broken }))
    assert.deepInclude(found, {
      verdict: "broken",
      since: now - millis,
      until: now,
      errors: { canary: 200, control: 190 },
    })
  })

  it("shows of several broken spans the shortest", () => {
    assert.strictEqual(judge(seen(broken)).since, now - 60_000)
  })

  it("looks no further back than the step began", () => {
    const began = { ...rollout, stepStartedAt: now - 10_000 }
    assert.strictEqual(judge(seen(broken), began).since, now - 10_000)
  })

  it("takes its instance's word for what it is", () => {
    assert.strictEqual(assess(rollout, seen(good), limits, now, "this-instance").scope, "this-instance")
  })
})

const errorsOf = (canary: readonly [number, number], control: readonly [number, number]) =>
  both(samples(canary[0], { errors: canary[1] }), samples(control[0], { errors: control[1] }))

describe("errors", () => {
  it.each([
    ["a fifth of a hundred, where the control has few", [100, 20], [1900, 19], "broken"],
    ["all of a hundred", [100, 100], [100, 0], "broken"],
    ["so many that it is beyond doubt", [1000, 70], [19_000, 190], "broken"],
    ["a little more than allowed, of very many", [100_000, 3500], [1_900_000, 19_000], "broken"],
    ["as many as allowed", [100_000, 3000], [1_900_000, 19_000], "good"],
    ["more than allowed, but by chance perhaps", [100, 5], [1900, 19], "good"],
    ["more than the ceiling, but by chance perhaps", [100, 8], [1900, 19], "insufficient"],
    ["as the control's, which are half of all", [1000, 500], [19_000, 9500], "insufficient"],
    ["fewer than the control's", [1000, 0], [19_000, 9500], "good"],
    ["none, as the control", [100, 0], [100, 0], "good"],
    ["one, and the control none of a million", [100, 1], [1_000_000, 0], "good"],
  ] as const)("are judged: %s", (_, canary, control, verdict) => {
    assert.strictEqual(verdictOf(seen(errorsOf(canary, control))), verdict)
  })

  it.each([
    ["above the ceiling", 100, 0, "broken"],
    ["at the ceiling", 25, 0, "insufficient"],
    ["above the ceiling, as the few of the control", 100, 20, "insufficient"],
    ["far above what the few of the control show", 400, 20, "broken"],
  ] as const)(
    "are held against the ceiling where the control has too few requests: %s",
    (_, errors, controls, verdict) => {
      const few = both(samples(500, { errors }), samples(99, { errors: controls }))
      assert.strictEqual(verdictOf(seen(few)), verdict)
      assert.isNull(judge(seen(few)).checks[0]?.control)
    },
  )

  it("are held against the ceiling alone where everybody is enrolled, which is enough to go on", () => {
    assert.strictEqual(verdictOf(seen(errorsOf([500, 25], [0, 0])), everybody), "good")
    assert.strictEqual(verdictOf(seen(errorsOf([500, 100], [0, 0])), everybody), "broken")
  })
})

const slowOf = (canary: number, control: number, most = {}) =>
  both(samples(1000, { slow: canary, ...most }), samples(19_000, { slow: control * 19, ...most }))

describe("latency", () => {
  it.each([
    ["as the control", slowOf(50, 50), "good"],
    ["a tenth of the canary's slow, and a twentieth of the control's", slowOf(120, 50), "broken"],
    ["a little more slow, but by chance perhaps", slowOf(70, 50), "good"],
    ["slow as the control is", slowOf(500, 500), "good"],
    ["slower, but by less than ten milliseconds", slowOf(500, 0, { usual: 0.002, slowly: 0.011 }), "good"],
    ["slower by more than ten milliseconds", slowOf(500, 0, { usual: 0.002, slowly: 0.014 }), "broken"],
    ["slower, but by less than the factor", slowOf(500, 0, { usual: 0.1, slowly: 0.14 }), "good"],
  ] as const)("is judged: %s", (_, what, verdict) => {
    assert.strictEqual(verdictOf(seen(what)), verdict)
  })

  it("is not judged without a control, and not missed where everybody is enrolled", () => {
    const alone = both(samples(1000, { usual: 60 }), nothingSeen.control)
    assert.strictEqual(verdictOf(seen(alone)), "insufficient")
    assert.strictEqual(verdictOf(seen(alone), everybody), "good")
    assert.deepInclude(judge(seen(alone)).checks[1], { control: null, limit: null, verdict: "missing" })
  })
})

const upTo = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const lately = (requests: number) => seen(good, { "half-hour": both(samples(requests), samples(0)) })

describe("too little", () => {
  it.effect.prop(
    "of the canary is neither good nor broken, whatever it was",
    [upTo(0, 99), upTo(0, 99), upTo(0, 99), upTo(0, 5000)],
    ([requests, errors, slow, control]) =>
      Effect.sync(() => {
        const few = samples(requests, { errors: Math.min(errors, requests), slow: Math.min(slow, requests) })
        for (const of of [rollout, everybody])
          assert.strictEqual(verdictOf(seen(both(few, samples(control))), of), "insufficient")
      }),
  )

  it("is less than the minimum, wherever that is", () => {
    const twenty = both(samples(20, { errors: 20 }), samples(5000))
    assert.strictEqual(verdictOf(seen(twenty), rollout, { minSample: 30 }), "insufficient")
    const thirty = both(samples(30, { errors: 30 }), samples(5000))
    assert.strictEqual(verdictOf(seen(thirty), rollout, { minSample: 30 }), "broken")
    assert.strictEqual(verdictOf(seen(thirty)), "insufficient")
  })

  it("over the whole step is too little, though a span had been enough", () => {
    assert.strictEqual(verdictOf(seen(good, { step: nothingSeen })), "insufficient")
  })

  it("was seen of late where the canary came less often than it must for the sample in a step", () => {
    assert.isTrue(isStillSeen(lately(50), limits))
    assert.isFalse(isStillSeen(lately(49), limits))
    assert.isTrue(isStillSeen(lately(100), { ...limits, stepSeconds: 60 }))
    assert.isFalse(isStillSeen(lately(99), { ...limits, stepSeconds: 60 }))
    assert.isFalse(isStillSeen(lately(0), { ...limits, stepSeconds: 2_592_000 }))
  })
})
