import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { assess, type Assessment, type Limits } from "../../src/flags/Analysis.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { Sampler } from "../../src/flags/Sampler.ts"
import { groups } from "../../src/flags/Samples.ts"

/**
 * Whole rollouts with random traffic, a look every five seconds: an analysis that errs once in thousands of looks errs
 * in each rollout. The numbers of many more hours are in docs/decisions/0019-rollout.md.
 */
const limits: Limits = {
  stepSeconds: 3600,
  analysisSeconds: 5,
  minSample: 100,
  errorMargin: 0.02,
  errorCeiling: 0.05,
  latencyFactor: 1.5,
}
const look = 5
const rollout: Rollout = {
  state: "running",
  cohort: Option.some("canary_5pct"),
  automatic: false,
  step: 1,
  stepStartedAt: 0,
  updatedAt: 0,
  updatedBy: "staff-1",
  reason: "Because.",
  version: 1,
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    const mixed = Math.imul(state ^ (state >>> 15), state | 1)
    const again = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61))
    return ((again ^ (again >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Manner {
  readonly errors: number
  /** How many times as long as usual a request takes. */
  readonly slower?: number
}

interface Scene {
  readonly seed: number
  readonly seconds: number
  /** Requests a second. */
  readonly canary: number
  readonly control: number
  /** How the canary's requests go at a time, in seconds; the control's always go as those at the time 0. */
  readonly manner: (time: number) => Manner
}

/** When it was found broken, in seconds, and what was found then. */
const brokenIn = ({
  seed,
  seconds,
  manner,
  ...rates
}: Scene): readonly [at: number, Assessment] | undefined => {
  const random = randomFrom(seed)
  const sampler = new Sampler()
  sampler.follow(rollout.step)
  for (let time = look; time <= seconds; time += look) {
    for (const group of groups) {
      const { errors, slower = 1 } = manner(group === "canary" ? time : 0)
      // From half to one and a half times as many as on average.
      const requests = Math.round(rates[group] * look * (0.5 + random()))
      for (let i = 0; i < requests; i++) {
        // Half of all take 80 ms or less, and one in twenty 300 ms or more.
        const usual = 0.08 * ((1 - random()) / 0.5) ** -0.57
        sampler.observe(group, random() < errors ? 500 : 200, usual * slower)
      }
    }
    const found = assess(rollout, sampler.seen(time * 1000), limits, time * 1000, "all")
    if (found.verdict === "broken") return [time, found]
  }
  return undefined
}

/** 1 % of the requests fail, and worse from that time on. */
const breaking = (at: number, worse: Manner) => (time: number) => (time > at ? worse : { errors: 0.01 })

describe("over time", () => {
  it.each([
    ["1 % of both fail", 0.01, 5, 15],
    ["a fifth of both fails", 0.2, 5, 15],
    ["1 % of both fail, of which there are few", 0.01, 0.2, 0.6],
    ["none fails", 0, 5, 15],
  ])("a canary that does as the control is not aborted: %s", (_, errors, canary, control) => {
    for (let seed = 1; seed <= 4; seed++) {
      const scene = { seed, seconds: 3600, canary, control, manner: () => ({ errors }) }
      assert.isUndefined(brokenIn(scene))
    }
  })

  it.each([
    ["a fifth fails, from the start", 0, { errors: 0.2 }, 60],
    ["a fifth fails, after an hour", 3600, { errors: 0.2 }, 60],
    ["everything fails, after an hour", 3600, { errors: 1 }, 15],
    ["three times as slow, after an hour", 3600, { errors: 0.01, slower: 3 }, 120],
  ] as const)("a canary of 5 requests a second that breaks is found soon: %s", (_, at, worse, within) => {
    for (let seed = 1; seed <= 3; seed++) {
      const scene = { seed, seconds: at + 600, canary: 5, control: 45, manner: breaking(at, worse) }
      const [found] = brokenIn(scene) ?? assert.fail("it was not found")
      assert.isAbove(found, at)
      assert.isAtMost(found - at, within)
    }
  })

  it("what is only a little worse is found by the spans that are long", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const scene = { seed, seconds: 7200, canary: 5, control: 45, manner: breaking(600, { errors: 0.05 }) }
      const [at, found] = brokenIn(scene) ?? assert.fail("it was not found")
      assert.isAbove(at, 600)
      assert.isAbove(found.until - found.since, 60_000)
    }
  })
})
