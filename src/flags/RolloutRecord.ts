import { Context, Effect, Layer, Option, Schema } from "effect"
import type { Assessment } from "./Analysis.ts"
import { FeatureFlags } from "./FeatureFlags.ts"
import { FlagsUnavailable } from "./FlagFeed.ts"
import type { Rollout } from "./Rollout.ts"
import { makeReports, type OwnEvent } from "./RolloutReports.ts"
import { Rollouts } from "./Rollouts.ts"
import { type Change, whereOf } from "./RolloutSteps.ts"

/** Changes the rollout on behalf of people and of the analysis: on record, in the audit, and here at once. */
export class RolloutRecord extends Context.Service<
  RolloutRecord,
  {
    /** False, and nothing changed, when somebody else was faster; what they made of it is known here then. */
    readonly put: (
      change: Change,
      evidence: Option.Option<Assessment>,
    ) => Effect.Effect<boolean, FlagsUnavailable>
    /**
     * The same for an abort, which does not wait for a database that is away: it holds here at once, and is put on record
     * when that is possible, unless the rollout on record has become another meanwhile.
     */
    readonly abort: (
      change: Change,
      evidence: Option.Option<Assessment>,
    ) => Effect.Effect<"stored" | "presumed" | "overtaken">
    /** Tries to put on record what could not be. */
    readonly catchUp: Effect.Effect<void, FlagsUnavailable>
  }
>()("gateway/flags/RolloutRecord") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { change: replace } = yield* Rollouts
      const flags = yield* FeatureFlags
      const report = yield* makeReports
      /** What holds here and is not on record. */
      let presumed: OwnEvent | undefined
      let isInheritanceOpen = true

      const store = (event: OwnEvent) => Effect.tap(replace(event), flags.refresh)

      /**
       * What an earlier process presumed is known here from what it kept, but not that it is not on record: so once the
       * database answers, an abort is put there if what it took the place of is there still.
       */
      const inherit = Effect.gen(function* () {
        const { state, rollout } = flags.status()
        if (!isInheritanceOpen || state !== "current") return
        if (Option.isSome(rollout) && rollout.value.state === "aborted") {
          const after = rollout.value
          const before = Option.some({ ...after, version: after.version - 1 })
          if (yield* store({ action: "abort", before, after, evidence: Option.none() })) yield* sayOnRecord
        }
        isInheritanceOpen = false
      })

      const catchUpWith = Effect.fnUntraced(function* (event: OwnEvent) {
        const isStored = yield* store(event)
        // Another fiber may have done it meanwhile.
        if (presumed !== event) return
        const { state, rollout } = flags.status()
        // What it has become instead is not known before the database says.
        if (!isStored && state !== "current")
          return yield* new FlagsUnavailable({ cause: "The database did not say what the rollout is." })
        presumed = undefined
        // Not stored now, but before perhaps, when only the answer was lost.
        if (isStored || Option.exists(rollout, (now) => isSame(now, event.after))) return yield* sayOnRecord
        const now = Option.match(rollout, { onNone: () => "gone", onSome: whereOf })
        yield* Effect.logWarning(
          `The rollout was changed elsewhere before its abort here could be put on record. It is ${now}, and that holds.`,
        )
      })
      const catchUp = Effect.suspend(() => (presumed === undefined ? inherit : catchUpWith(presumed)))

      const put = Effect.fnUntraced(function* (event: OwnEvent) {
        yield* catchUp
        // What is presumed here has a version that may be another's on record.
        if (!isSameOrNone(event.before, flags.status().rollout)) return false
        const isStored = yield* store(event)
        if (isStored) yield* report(event, true)
        return isStored
      })

      const presume = Effect.fnUntraced(function* (event: OwnEvent) {
        // Whoever aborts at the same time has done so.
        if (presumed !== undefined) return "presumed" as const
        presumed = event
        if (yield* flags.presume(event.after, event.after.version - 1)) {
          yield* report(event, false)
          return "presumed" as const
        }
        presumed = undefined
        // Only the answer was lost, or somebody else was faster.
        if (!Option.exists(flags.status().rollout, (now) => isSame(now, event.after)))
          return "overtaken" as const
        yield* report(event, true)
        return "stored" as const
      })

      return RolloutRecord.of({
        // Neither is left between the change and its report: who stops meanwhile has said what was done.
        put: (change, evidence) => Effect.uninterruptible(put(eventOf(change, evidence))),
        abort: (change, evidence) => {
          const event = eventOf(change, evidence)
          return Effect.uninterruptible(
            Effect.matchEffect(put(event), {
              onSuccess: (isStored) => Effect.succeed(isStored ? "stored" : "overtaken"),
              onFailure: () => presume(event),
            }),
          )
        },
        catchUp,
      })
    }),
  )
}

const eventOf = (change: Change, evidence: Option.Option<Assessment>): OwnEvent => ({
  ...change,
  evidence: Option.map(evidence, (assessment) => toJson(assessment)),
})
/** An assessment holds nothing but numbers, texts and nulls. */
const toJson: (assessment: Assessment) => Schema.Json = Schema.decodeUnknownSync(Schema.Json)

const sayOnRecord = Effect.logInfo("The abort of the rollout is on record now, and holds on every instance.")

const isSame = (one: Rollout, other: Rollout): boolean =>
  one.version === other.version && one.updatedAt === other.updatedAt && one.updatedBy === other.updatedBy
const isSameOrNone = Option.makeEquivalence(isSame)
