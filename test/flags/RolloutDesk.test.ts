import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Cohort } from "../../src/flags/Cohort.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { RolloutRefused } from "../../src/flags/RolloutControl.ts"
import { begin, healthy, makeDatabase, pass, startInstance, word } from "./RolloutWorld.ts"

const to = (cohort?: Cohort, automatic?: boolean) => ({
  ...word,
  to: Option.fromUndefinedOr(cohort),
  automatic: Option.fromUndefinedOr(automatic),
})

const world = Effect.gen(function* () {
  const database = yield* makeDatabase()
  return { database, ...(yield* startInstance(database)) }
})
type World = Effect.Success<typeof world>

/** A sentence for whoever asked. */
const refusal = <A>(said: Effect.Effect<A, unknown>) =>
  Effect.map(Effect.flip(said), (error) => {
    assert.instanceOf(error, RolloutRefused)
    return error.message
  })

/** Brings a rollout into the state. */
const bring = Effect.fnUntraced(function* (
  { control, database }: World,
  state: Rollout["state"] | "none",
  cohort: Cohort = "canary_25pct",
) {
  if (state === "none") return
  yield* control.advance(to(cohort))
  const wanted =
    state === "aborted" ? Option.none<Cohort>() : Option.some(state === "promoted" ? "stable_100pct" : cohort)
  if (state !== "running") yield* database.becomes({ state, cohort: wanted })
  yield* pass(1)
})

describe("a person", () => {
  it.effect("starts a rollout at 5 %, and takes it step by step to the end", () =>
    Effect.gen(function* () {
      const { control, database } = yield* world
      const steps: Array<string> = []
      for (let i = 0; i < 5; i++) {
        const { state, cohort, automatic, step } = yield* control.advance(to())
        steps.push(`${step} ${state} ${Option.getOrNull(cohort)} ${automatic}`)
      }
      assert.deepStrictEqual(steps, [
        "1 running canary_5pct false",
        "2 running canary_25pct false",
        "3 running canary_50pct false",
        "4 running stable_100pct false",
        "4 promoted stable_100pct false",
      ])
      assert.deepStrictEqual(yield* control.current, database.store.current)
      assert.strictEqual(
        yield* refusal(control.advance(to())),
        "The rollout is promoted: it goes no further. It can be aborted.",
      )
    }),
  )

  it.effect("starts further on, goes further at once, and says from where it goes by itself", () =>
    Effect.gen(function* () {
      const { control } = yield* world
      assert.deepInclude(yield* control.advance(to("canary_25pct", true)), {
        cohort: Option.some<Cohort>("canary_25pct"),
        automatic: true,
      })
      assert.deepInclude(yield* control.advance(to("stable_100pct")), {
        cohort: Option.some<Cohort>("stable_100pct"),
        automatic: true,
      })
      assert.deepInclude(yield* control.advance(to(undefined, false)), {
        state: "promoted",
        automatic: false,
      })
    }),
  )

  it.effect.each(["running", "paused", "inconclusive"] as const)(
    "takes a rollout further that is %s",
    (state) =>
      Effect.gen(function* () {
        const there = yield* world
        yield* bring(there, state)
        assert.deepInclude(yield* there.control.advance(to()), {
          state: "running",
          cohort: Option.some<Cohort>("canary_50pct"),
        })
      }),
  )

  it.effect.each(["none", "aborted"] as const)("starts one where the state is %s", (state) =>
    Effect.gen(function* () {
      const there = yield* world
      yield* bring(there, state)
      assert.deepInclude(yield* there.control.advance(to()), {
        state: "running",
        cohort: Option.some<Cohort>("canary_5pct"),
      })
      assert.strictEqual(there.database.store.events.at(-1)?.action, "start")
    }),
  )

  it.effect("takes none back, nor nowhere", () =>
    Effect.gen(function* () {
      const { control } = yield* world
      yield* control.advance(to("canary_50pct"))
      for (const cohort of ["canary_5pct", "canary_25pct", "canary_50pct"] as const)
        assert.strictEqual(
          yield* refusal(control.advance(to(cohort))),
          `The rollout is at canary_50pct and goes further only, so not to ${cohort}. It can be aborted, and started anew.`,
        )
    }),
  )

  it.effect.each([
    [
      "none",
      [
        "There is no rollout. There is nothing to pause.",
        "There is no rollout. Only a paused rollout is resumed.",
        "There is no rollout. There is nothing to abort.",
      ],
    ],
    ["running", ["pause", "The rollout is running. Only a paused rollout is resumed.", "abort"]],
    ["paused", ["The rollout is paused. There is nothing to pause.", "resume", "abort"]],
    ["inconclusive", ["pause", "The rollout is inconclusive. Only a paused rollout is resumed.", "abort"]],
    [
      "aborted",
      [
        "The rollout is aborted. There is nothing to pause.",
        "The rollout is aborted. Only a paused rollout is resumed.",
        "The rollout is aborted. There is nothing to abort.",
      ],
    ],
    [
      "promoted",
      [
        "The rollout is promoted. There is nothing to pause.",
        "The rollout is promoted. Only a paused rollout is resumed.",
        "abort",
      ],
    ],
  ] as const)("pauses, resumes and aborts as it makes sense: %s", ([state, outcomes]) =>
    Effect.gen(function* () {
      for (const [index, outcome] of outcomes.entries()) {
        const there = yield* world
        yield* bring(there, state)
        const { abort, pause, resume } = there.control
        const said: Effect.Effect<unknown, unknown> | undefined = [pause(word), resume(word), abort(word)][
          index
        ]
        if (said === undefined) return assert.fail("there are three")
        if (outcome.endsWith(".")) assert.strictEqual(yield* refusal(said), outcome)
        else {
          yield* said
          assert.strictEqual(there.database.store.events.at(-1)?.action, outcome)
        }
      }
    }),
  )

  it.effect("aborts: nobody is enrolled by cohort, here at once", () =>
    Effect.gen(function* () {
      const there = yield* world
      yield* bring(there, "running", "stable_100pct")
      assert.deepInclude(there.flags.routeOf("anybody"), { to: "gateway" })
      const { rollout, stored } = yield* there.control.abort(word)
      assert.isTrue(stored)
      assert.deepInclude(rollout, {
        state: "aborted",
        cohort: Option.none(),
        updatedBy: "staff-1",
        reason: "Because.",
      })
      assert.deepInclude(there.flags.routeOf("anybody"), { to: "direct" })
    }),
  )

  it.effect("is on record with who, why, and what was seen until then", () =>
    Effect.gen(function* () {
      const there = yield* world
      const { audited, control, database } = there
      yield* begin(there, { automatic: false })
      yield* pass(60, healthy, there)
      yield* control.pause({ by: "staff-2", reason: "An exercise." })
      const { before, after, evidence } = database.store.events[1] ?? assert.fail("there is none")
      assert.deepStrictEqual(Option.getOrThrow(before).state, "running")
      assert.deepInclude(after, { updatedBy: "staff-2", reason: "An exercise." })
      assert.deepInclude(Option.getOrThrow(evidence), { verdict: "good", scope: "all" })
      const [started, paused] = audited
      assert.deepInclude(started, {
        name: "rollout_started",
        kind: "operations",
        severity: "INFO",
        userId: Option.some("staff-1"),
      })
      assert.deepInclude(paused, { name: "rollout_paused", severity: "INFO", userId: Option.some("staff-2") })
      assert.deepInclude(paused?.details, {
        reason: "An exercise.",
        from: "running at canary_5pct (5 % of the customers)",
        to: "paused at canary_5pct (5 % of the customers)",
        evidence: Option.getOrThrow(evidence),
      })
    }),
  )

  it.effect("who comes second is told so, and has changed nothing", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const [one, other] = [yield* startInstance(database), yield* startInstance(database)]
      yield* begin(one)
      yield* pass(1)
      yield* database.isHeard(false)
      yield* one.control.pause(word)
      assert.strictEqual(other.rollout().state, "running")
      assert.strictEqual(
        yield* refusal(other.control.advance(to())),
        "Somebody else has changed the rollout at the same time. Look at it again.",
      )
      assert.deepStrictEqual(database.actions(), ["start", "pause"])
      assert.strictEqual(other.rollout().state, "paused")
    }),
  )

  it.effect("aborts what was changed at the same moment too", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const [one, other] = [yield* startInstance(database), yield* startInstance(database)]
      yield* begin(one)
      yield* pass(1)
      yield* database.isHeard(false)
      yield* one.control.advance(to())
      assert.deepInclude(other.rollout(), { cohort: Option.some<Cohort>("canary_5pct") })
      assert.isTrue((yield* other.control.abort(word)).stored)
      assert.deepStrictEqual(database.actions(), ["start", "advance", "abort"])
    }),
  )

  it.effect("reads what the analysis makes of the step, also before its first look", () =>
    Effect.gen(function* () {
      const there = yield* world
      assert.deepStrictEqual(yield* there.control.assess, Option.none())
      yield* begin(there)
      assert.deepInclude(Option.getOrThrow(yield* there.control.assess), {
        verdict: "insufficient",
        requests: { canary: 0, control: 0 },
      })
      yield* pass(30, healthy, there)
      assert.strictEqual(Option.getOrThrow(yield* there.control.assess).verdict, "good")
      yield* there.control.advance(to())
      assert.strictEqual(Option.getOrThrow(yield* there.control.assess).verdict, "insufficient")
    }),
  )
})
