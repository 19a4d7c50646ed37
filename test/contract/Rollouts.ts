import { assert, describe, layer } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { randomUUID } from "node:crypto"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import {
  type BothGroups,
  bySpan,
  type GroupSamples,
  nothingSeen,
  type Seen,
} from "../../src/flags/Samples.ts"

/** The rollout on record, whatever earlier tests have made of it. */
const current = Rollouts.use(({ history }) =>
  Effect.map(history(1), ([event]) => Option.map(Option.fromUndefinedOr(event), ({ after }) => after)),
)

/** A rollout in the place of another. */
const eventAfter = (before: Option.Option<Rollout>, differently: Partial<Rollout> = {}): RolloutEvent => {
  const { version, step } = Option.getOrElse(before, () => ({ version: 0, step: 0 }))
  return {
    action: "advance",
    before,
    after: {
      state: "running",
      cohort: Option.some("canary_25pct"),
      automatic: true,
      step: step + 1,
      stepStartedAt: 1_767_225_600_001,
      updatedAt: 1_767_225_600_002,
      updatedBy: "staff-1",
      reason: "It goes well.",
      version: version + 1,
      ...differently,
    },
    evidence: Option.none(),
  }
}
const nextEvent = (differently: Partial<Rollout> = {}) =>
  Effect.map(current, (before) => eventAfter(before, differently))

const change = (event: RolloutEvent) => Rollouts.use((rollouts) => rollouts.change(event))

const samples = (
  requests: number,
  errors = 0,
  latencies: Readonly<Record<number, number>> = {},
): GroupSamples => ({
  requests,
  errors,
  latencies: new Map(Object.entries(latencies).map(([bucket, count]) => [Number(bucket), count])),
})
/** The same in each span. */
const everySpan = (both: BothGroups): Seen => bySpan(() => both)
const always = bySpan(() => 0)
let steps = 1_000_000
/** A step of which nobody has told. */
const anyStep = () => ++steps

const tell = (
  step: number,
  seen: Seen,
  { instance = randomUUID() as string, until = 1_767_225_600_000 } = {},
) => Rollouts.use((rollouts) => rollouts.tell({ step, instance, until, seen }))
const seenOf = (step: number, since = always) => Rollouts.use((rollouts) => rollouts.seen(step, since))

/** The contract of `Rollouts`, which every layer of it passes. The world is built once, and has had no rollout yet. */
export const rolloutsContract = <E>(world: Layer.Layer<Rollouts, E>): void => {
  layer(world, { timeout: "2 minutes" })("keep their contract", (it) => {
    describe("a first rollout", () => {
      it.effect("is put where there is none, once", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          assert.deepStrictEqual(yield* history(10), [])
          assert.isFalse(yield* change(eventAfter(Option.some(eventAfter(Option.none()).after))))
          const first: RolloutEvent = { ...eventAfter(Option.none()), action: "start" }
          assert.isTrue(yield* change(first))
          assert.isFalse(yield* change(first))
          assert.deepStrictEqual(yield* history(10), [first])
        }),
      )
    })

    describe("a change", () => {
      it.effect("takes the place of what was read, and is on record as it was told", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          const aborted: RolloutEvent = {
            ...(yield* nextEvent({ state: "aborted", cohort: Option.none(), automatic: false })),
            action: "abort",
            evidence: Option.some({ verdict: "broken", checks: [{ canary: 0.25, control: null }], since: 5 }),
          }
          assert.isTrue(yield* change(aborted))
          const anew: RolloutEvent = { ...(yield* nextEvent()), action: "start" }
          assert.isTrue(yield* change(anew))
          assert.deepStrictEqual(yield* history(2), [anew, aborted])
        }),
      )

      it.effect("of what is not there any more changes nothing", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          const late = yield* nextEvent({ reason: "Too late." })
          yield* change(yield* nextEvent())
          const before = yield* history(100)
          assert.isFalse(yield* change(late))
          assert.isFalse(yield* change(eventAfter(Option.none())))
          assert.deepStrictEqual(yield* history(100), before)
        }),
      )

      it.effect("that many make of the same at once is made by one", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          const event = yield* nextEvent()
          const outcomes = yield* Effect.all(
            Array.from({ length: 20 }, (_, n) =>
              change({ ...event, after: { ...event.after, updatedBy: `staff-${n}` } }),
            ),
            { concurrency: "unbounded" },
          )
          const winners = outcomes.flatMap((won, n) => (won ? [`staff-${n}`] : []))
          assert.lengthOf(winners, 1)
          const [latest] = yield* history(1)
          assert.strictEqual(latest?.after.updatedBy, winners[0])
        }),
      )

      it.effect("has every state, cohort and action", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          const changes: ReadonlyArray<readonly [RolloutEvent["action"], Partial<Rollout>]> = [
            ["abort", { state: "aborted", cohort: Option.none() }],
            ["start", { cohort: Option.some("canary_5pct") }],
            ["pause", { state: "paused", cohort: Option.some("canary_5pct") }],
            ["resume", { cohort: Option.some("canary_5pct") }],
            ["judge-inconclusive", { state: "inconclusive", cohort: Option.some("canary_5pct") }],
            ["advance", { cohort: Option.some("canary_50pct") }],
            ["advance", { cohort: Option.some("stable_100pct") }],
            ["promote", { state: "promoted", cohort: Option.some("stable_100pct") }],
          ]
          for (const [action, differently] of changes) {
            const event = { ...(yield* nextEvent(differently)), action }
            assert.isTrue(yield* change(event))
            assert.deepStrictEqual(yield* history(1), [event])
          }
        }),
      )

      it.effect("keeps every character", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          for (const text of [
            "'; DROP TABLE gateway_rollout; --",
            `"a" \\b $1 %s {} \u{1f512} \t\n`,
            "NULL",
            "",
          ]) {
            const event = yield* nextEvent({ reason: text, updatedBy: text })
            assert.isTrue(yield* change({ ...event, evidence: Option.some({ text }) }))
            const [latest] = yield* history(1)
            assert.deepStrictEqual(latest?.after, event.after)
            assert.deepStrictEqual(latest?.evidence, Option.some({ text }))
          }
        }),
      )
    })

    describe("the history", () => {
      it.effect("is as long as is asked for", () =>
        Effect.gen(function* () {
          const { history } = yield* Rollouts
          const versions: Array<number> = []
          for (let i = 0; i < 3; i++) {
            const event = yield* nextEvent()
            yield* change(event)
            versions.unshift(event.after.version)
          }
          for (const limit of [1, 2, 3])
            assert.deepStrictEqual(
              (yield* history(limit)).map(({ after }) => after.version),
              versions.slice(0, limit),
            )
        }),
      )
    })

    describe("what was seen", () => {
      it.effect("is nothing where nobody has told anything", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* seenOf(anyStep()), everySpan(nothingSeen))
        }),
      )

      it.effect("is the sum of what all instances have told of the step", () =>
        Effect.gen(function* () {
          const step = anyStep()
          const one = { canary: samples(3, 1, { 0: 1, 90: 2 }), control: samples(5, 0, { 7: 5 }) }
          const other = { canary: samples(40_000_000_000, 2, { 90: 4, 273: 1 }), control: samples(0) }
          yield* tell(step, everySpan(one))
          yield* tell(step, everySpan(other))
          yield* tell(anyStep(), everySpan(one))
          assert.deepStrictEqual(
            yield* seenOf(step),
            everySpan({
              canary: samples(40_000_000_003, 3, { 0: 1, 90: 6, 273: 1 }),
              control: samples(5, 0, { 7: 5 }),
            }),
          )
        }),
      )

      it.effect("is of each span what was told of it", () =>
        Effect.gen(function* () {
          const step = anyStep()
          const told = bySpan((span) => ({
            canary: samples(span.length, 1),
            control: samples(2 * span.length),
          }))
          yield* tell(step, told)
          assert.deepStrictEqual(yield* seenOf(step), told)
        }),
      )

      it.effect("is what an instance has told last, however often it does", () =>
        Effect.gen(function* () {
          const step = anyStep()
          const instance = randomUUID()
          const last = everySpan({ canary: samples(2, 1, { 3: 2 }), control: samples(1, 0, { 4: 1 }) })
          yield* tell(step, everySpan({ canary: samples(9, 9, { 5: 9 }), control: samples(9) }), { instance })
          yield* tell(step, last, { instance })
          yield* tell(step, last, { instance })
          assert.deepStrictEqual(yield* seenOf(step), last)
        }),
      )

      it.effect("has no span that ended before the time that is asked for", () =>
        Effect.gen(function* () {
          const step = anyStep()
          const all = everySpan({ canary: samples(1), control: samples(2) })
          yield* tell(step, all, { until: 60_000 })
          const since = { minute: 60_001, "five-minutes": 60_000, "half-hour": 1_767_225_600_000, step: 0 }
          assert.deepStrictEqual(yield* seenOf(step, since), {
            ...all,
            minute: nothingSeen,
            "half-hour": nothingSeen,
          })
        }),
      )
    })
  })
}
