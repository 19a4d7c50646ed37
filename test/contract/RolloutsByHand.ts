import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { Cohort } from "../../src/flags/Cohort.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import { bySpan, nothingSeen } from "../../src/flags/Samples.ts"

/** What a person types. */
const type = (statement: string) => SqlClient.SqlClient.use((sql) => sql.unsafe(statement))

const latest = Rollouts.use(({ history }) =>
  Effect.map(history(1), ([event]) => event ?? assert.fail("nothing is on record")),
)

/** The number of the last change that instances have been told of. */
const revision = SqlClient.SqlClient.use((sql) =>
  Effect.map(
    sql<{ readonly revision: bigint }>`SELECT revision FROM gateway_flag_revision`,
    ([row]) => row?.revision ?? assert.fail("there is no revision"),
  ),
)
/** How many changes instances are told of. */
const told = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* revision
    yield* effect
    return Number((yield* revision) - before)
  })

const day = 86_400_000

/** A person may change the rollout in PostgreSQL. The world is built once, and has had no rollout yet. */
export const rolloutsByHandContract = <E>(world: Layer.Layer<Rollouts | SqlClient.SqlClient, E>): void => {
  layer(world, { timeout: "2 minutes" })("by hand", (it) => {
    it.effect("are started with a state and a cohort", () =>
      Effect.gen(function* () {
        const { history } = yield* Rollouts
        assert.deepStrictEqual(yield* history(1), [])
        const [user] = yield* SqlClient.SqlClient.use(
          (sql) => sql<{ name: string }>`SELECT session_user AS name`,
        )
        const began = Date.now()
        assert.strictEqual(
          yield* told(type("INSERT INTO gateway_rollout (state, cohort) VALUES ('running', 'canary_5pct')")),
          1,
        )
        const { action, before, evidence, after } = yield* latest
        assert.deepStrictEqual([action, before, evidence], ["set", Option.none(), Option.none()])
        assert.deepStrictEqual(after, {
          state: "running",
          cohort: Option.some("canary_5pct"),
          automatic: false,
          step: 1,
          stepStartedAt: after.stepStartedAt,
          updatedAt: after.updatedAt,
          updatedBy: user?.name ?? "",
          reason: "Set in SQL.",
          version: 1,
        })
        // The server's clock and this one's may differ a little.
        for (const at of [after.stepStartedAt, after.updatedAt]) assert.isBelow(Math.abs(at - began), 60_000)
      }),
    )

    it.effect("begin another step with another cohort, and only then", () =>
      Effect.gen(function* () {
        const { after: before } = yield* latest
        assert.strictEqual(yield* told(type("UPDATE gateway_rollout SET automatic = true")), 1)
        const { after: same } = yield* latest
        assert.strictEqual(same.automatic, true)
        for (const kept of ["step", "stepStartedAt", "cohort"] as const)
          assert.deepEqual(same[kept], before[kept])
        assert.strictEqual(same.version, before.version + 1)
        yield* type("UPDATE gateway_rollout SET cohort = 'canary_25pct'")
        const event = yield* latest
        assert.deepStrictEqual([event.action, event.before], ["set", Option.some(same)])
        assert.deepInclude(event.after, {
          cohort: Option.some<Cohort>("canary_25pct"),
          step: before.step + 1,
          version: before.version + 2,
        })
        assert.isAtLeast(event.after.stepStartedAt, same.updatedAt)
        assert.isAtLeast(event.after.updatedAt, same.updatedAt)
      }),
    )

    it.effect("are aborted with one word, and whoever had read them before comes too late", () =>
      Effect.gen(function* () {
        const { change } = yield* Rollouts
        const { after: read } = yield* latest
        yield* type("UPDATE gateway_rollout SET state = 'aborted'")
        const { after } = yield* latest
        assert.deepInclude(after, { state: "aborted", cohort: Option.none(), step: read.step + 1 })
        const late: RolloutEvent = {
          action: "advance",
          before: Option.some(read),
          after: { ...read, cohort: Option.some("canary_50pct"), version: read.version + 1 },
          evidence: Option.none(),
        }
        assert.strictEqual(
          yield* told(
            Effect.gen(function* () {
              assert.isFalse(yield* change(late))
              assert.isFalse(yield* change({ ...late, before: Option.none() }))
            }),
          ),
          0,
        )
        assert.deepStrictEqual((yield* latest).after, after)
      }),
    )

    it.effect("say who and why", () =>
      Effect.gen(function* () {
        yield* type(
          "UPDATE gateway_rollout SET state = 'running', cohort = 'canary_5pct', updated_by = 'ada'",
        )
        assert.deepInclude((yield* latest).after, { updatedBy: "ada", reason: "Set in SQL." })
        yield* SqlClient.SqlClient.use((sql) =>
          sql.withTransaction(
            Effect.gen(function* () {
              yield* type(
                "SELECT set_config('gateway.changed_by', 'grace', true), set_config('gateway.reason', 'An exercise.', true)",
              )
              yield* type("UPDATE gateway_rollout SET state = 'paused'")
            }),
          ),
        )
        assert.deepInclude((yield* latest).after, { updatedBy: "grace", reason: "An exercise." })
        yield* type("UPDATE gateway_rollout SET state = 'running', reason = 'It is over.'")
        const { updatedBy, reason } = (yield* latest).after
        assert.notStrictEqual(updatedBy, "grace")
        assert.strictEqual(reason, "It is over.")
      }),
    )

    it.effect("do not inherit the evidence of the change before", () =>
      Effect.gen(function* () {
        const { change } = yield* Rollouts
        const { after } = yield* latest
        const paused: Rollout = { ...after, state: "paused", version: after.version + 1 }
        const evidence = Option.some({ verdict: "good" })
        assert.strictEqual(
          yield* told(change({ action: "pause", before: Option.some(after), after: paused, evidence })),
          1,
        )
        assert.deepStrictEqual((yield* latest).evidence, evidence)
        yield* type("UPDATE gateway_rollout SET state = 'running'")
        const event = yield* latest
        assert.deepStrictEqual([event.action, event.evidence], ["set", Option.none()])
      }),
    )

    it.effect.each([
      "UPDATE gateway_rollout SET state = 'runing'",
      "UPDATE gateway_rollout SET cohort = 'canary_10pct'",
      "UPDATE gateway_rollout SET cohort = NULL",
      "UPDATE gateway_rollout SET state = 'promoted', cohort = 'canary_5pct'",
      "UPDATE gateway_rollout SET state = 'aborted', cohort = 'canary_5pct', version = version + 1",
      "INSERT INTO gateway_rollout (one, state) VALUES (false, 'aborted')",
      "INSERT INTO gateway_rollout (state) VALUES ('aborted')",
    ])("are never what no rollout can be: %s", (statement) =>
      Effect.gen(function* () {
        const before = yield* latest
        const { reason } = yield* Effect.flip(type(statement))
        assert.include(["ConstraintError", "UniqueViolation"], reason._tag)
        assert.deepStrictEqual(yield* latest, before)
      }),
    )

    it.effect("forget what was seen a week before, but not of the step that lasts", () =>
      Effect.gen(function* () {
        const { seen, tell } = yield* Rollouts
        const { after } = yield* latest
        const always = bySpan(() => 0)
        const one = { ...nothingSeen.canary, requests: 1 }
        const all = bySpan(() => ({ canary: one, control: one }))
        const steps = [after.step + 10, after.step + 11, after.step] as const
        const ages = [8 * day, 6 * day, 8 * day]
        for (const [index, step] of steps.entries())
          yield* tell({ step, instance: "i", until: after.updatedAt - (ages[index] ?? 0), seen: all })
        yield* type("UPDATE gateway_rollout SET automatic = NOT automatic")
        assert.deepStrictEqual(
          (yield* Effect.forEach(steps, (step) => seen(step, always))).map(
            ({ step }) => step.canary.requests,
          ),
          [0, 1, 1],
        )
      }),
    )

    it.effect("are gone when the row is, which instances are told, and can be started again", () =>
      Effect.gen(function* () {
        const { change, history } = yield* Rollouts
        const { after } = yield* latest
        assert.strictEqual(yield* told(type("DELETE FROM gateway_rollout")), 1)
        assert.strictEqual(yield* told(type("DELETE FROM gateway_rollout")), 0)
        assert.isFalse(
          yield* change({ action: "pause", before: Option.some(after), after, evidence: Option.none() }),
        )
        const anew: Rollout = { ...after, version: 1, step: 1 }
        const event: RolloutEvent = {
          action: "start",
          before: Option.none(),
          after: anew,
          evidence: Option.none(),
        }
        assert.isTrue(yield* change(event))
        assert.deepStrictEqual(yield* history(1), [event])
        assert.strictEqual(yield* told(type("TRUNCATE gateway_rollout")), 1)
      }),
    )
  })
}
