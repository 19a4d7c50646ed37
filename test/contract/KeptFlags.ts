import { assert, it } from "@effect/vitest"
import { Effect, Option, Schema, type Scope } from "effect"
import { cohorts } from "../../src/flags/Cohort.ts"
import type { KeptFlags, KnownFlags } from "../../src/flags/KeptFlags.ts"
import { rolloutStates } from "../../src/flags/Rollout.ts"
import { knownFlags } from "../flags/KnownFlags.ts"

/** A machine that keeps nothing yet. */
export interface Machine {
  /** `KeptFlags` as one more process has it. */
  readonly process: Effect.Effect<KeptFlags["Service"], never, Scope.Scope>
}

const now = 1_764_000_000_789

/** What a process finds that starts now. */
const found = ({ process }: Machine) => Effect.flatMap(process, ({ load }) => load)

/** Chai compares maps by what their entries are as text. */
const legible = ({ rows, ...rest }: KnownFlags) => ({ ...rest, rows: [...rows] })

const isKept = (machine: Machine, known: KnownFlags, confirmedAt: number) =>
  Effect.map(found(machine), (some) => {
    const kept = Option.getOrThrow(some)
    assert.deepStrictEqual(legible(kept.known), legible(known))
    assert.strictEqual(kept.confirmedAt, confirmedAt)
  })

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
const Text = Schema.Union([
  Schema.String,
  Schema.Literals(["", "\n", "\r\n", "\u2028", "\ud800", "\0", '{"rows":0}', "../x", "\u{1f512}"]),
])
const AnyRow = Schema.Struct({
  customerId: Text,
  gatewayEnabled: Schema.Boolean,
  middleware: Schema.Struct({ rbac: Schema.Boolean, policy: Schema.Boolean, budget: Schema.Boolean }),
  rolloutCohort: Schema.Option(Text),
  updatedAt: Count,
  updatedBy: Text,
  version: Text,
})
const AnyRollout = Schema.Struct({
  state: Schema.Literals(rolloutStates),
  cohort: Schema.Option(Schema.Literals(cohorts)),
  automatic: Schema.Boolean,
  step: Count,
  stepStartedAt: Count,
  updatedAt: Count,
  updatedBy: Text,
  reason: Text,
  version: Count,
})

/** The contract of `KeptFlags`, which every layer of it passes. */
export const keptFlagsContract = (machines: Effect.Effect<Machine, never, Scope.Scope>): void => {
  const onMachine = <E>(test: (machine: Machine) => Effect.Effect<unknown, E, Scope.Scope>) =>
    Effect.flatMap(machines, test)

  it.effect("are none at first, and there is nothing to confirm", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const { confirm, load } = yield* machine.process
        yield* confirm(now)
        assert.deepStrictEqual(yield* load, Option.none())
        yield* confirm(now)
        assert.deepStrictEqual(yield* found(machine), Option.none())
      }),
    ),
  )

  it.effect("are found as they were saved, by this process and by later ones", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const { load, save } = yield* machine.process
        for (const known of [
          { revision: 0, rows: new Map(), rollout: Option.none() },
          knownFlags(3),
          { ...knownFlags(4), rollout: Option.none() },
          knownFlags(5, 0),
        ]) {
          const confirmedAt = now + known.revision
          yield* save(known, confirmedAt)
          assert.deepStrictEqual(legible(Option.getOrThrow(yield* load).known), legible(known))
          yield* isKept(machine, known, confirmedAt)
        }
      }),
    ),
  )

  it.effect("are the latest, also where the database was restored and counts from an earlier revision", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const { save } = yield* machine.process
        for (const [index, revision] of [12, 13, 5, 6, 6, 40].entries()) {
          yield* save(knownFlags(revision, index), now + index)
          yield* isKept(machine, knownFlags(revision, index), now + index)
        }
      }),
    ),
  )

  it.effect("are confirmed by who saved them, and by who found them", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const first = yield* machine.process
        yield* first.save(knownFlags(3), now)
        for (const at of [now + 1000, now + 2000, now + 1500]) {
          yield* first.confirm(at)
          yield* isKept(machine, knownFlags(3), at)
        }
        const second = yield* machine.process
        yield* second.load
        yield* second.confirm(now + 9000)
        yield* isKept(machine, knownFlags(3), now + 9000)
      }),
    ),
  )

  it.effect("are shared by the processes of a machine, and who knows less undoes nothing", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const [first, second] = [yield* machine.process, yield* machine.process]
        yield* first.save(knownFlags(3), now)
        yield* second.save(knownFlags(4), now + 1000)
        yield* first.confirm(now + 1500)
        yield* isKept(machine, knownFlags(4), now + 1000)
        yield* second.confirm(now + 2000)
        yield* isKept(machine, knownFlags(4), now + 2000)
        yield* first.save(knownFlags(4), now + 2500)
        yield* first.confirm(now + 3000)
        yield* isKept(machine, knownFlags(4), now + 3000)
      }),
    ),
  )

  it.effect("are those of one process when many save at once", () =>
    onMachine((machine) =>
      Effect.gen(function* () {
        const revisions = Array.from({ length: 20 }, (_, index) => index + 1)
        yield* Effect.forEach(
          revisions,
          (revision) =>
            Effect.flatMap(machine.process, ({ save }) => save(knownFlags(revision, 50), now + revision)),
          { concurrency: "unbounded" },
        )
        const kept = Option.getOrThrow(yield* found(machine))
        assert.deepStrictEqual(legible(kept.known), legible(knownFlags(kept.known.revision, 50)))
        assert.strictEqual(kept.confirmedAt, now + kept.known.revision)
      }),
    ),
  )

  it.effect.prop(
    "keep every character and number",
    [Schema.Array(AnyRow), Count, Schema.Option(AnyRollout)],
    ([rows, revision, rollout]) =>
      onMachine((machine) =>
        Effect.gen(function* () {
          const known = { revision, rollout, rows: new Map(rows.map((row) => [row.customerId, row])) }
          yield* (yield* machine.process).save(known, now)
          yield* isKept(machine, known, now)
        }),
      ),
    { arbitrary: { runs: 30 } },
  )
}
