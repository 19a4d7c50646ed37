import { Clock, Effect, Layer, Option, Result } from "effect"
import type { Assessment } from "./Analysis.ts"
import { FeatureFlags } from "./FeatureFlags.ts"
import { RolloutControl, RolloutRefused, type Word } from "./RolloutControl.ts"
import { RolloutRecord } from "./RolloutRecord.ts"
import { abort, advance, type Change, isWatched, pause, resume, type Step } from "./RolloutSteps.ts"
import { RolloutView } from "./RolloutView.ts"

/** `RolloutControl` over the steps that there are. */
export const layer = Layer.effect(
  RolloutControl,
  Effect.gen(function* () {
    const flags = yield* FeatureFlags
    const view = yield* RolloutView
    const record = yield* RolloutRecord
    const clock = yield* Clock.Clock

    const take = (step: Step, word: Word): Result.Result<Change, RolloutRefused> =>
      Result.mapError(
        step(flags.status().rollout, word, clock.currentTimeMillisUnsafe()),
        (message) => new RolloutRefused({ message }),
      )
    const evidence = ({ before }: Change): Option.Option<Assessment> => Option.flatMap(before, view.last)

    const say = (step: Step) =>
      Effect.fnUntraced(function* (word: Word) {
        const change = yield* Effect.fromResult(take(step, word))
        return (yield* record.put(change, evidence(change))) ? change.after : yield* overtaken
      })

    const abortOnce = Effect.fnUntraced(function* (word: Word) {
      const change = yield* Effect.fromResult(take(abort, word))
      const outcome = yield* record.abort(change, evidence(change))
      return outcome === "overtaken"
        ? yield* overtaken
        : { rollout: change.after, stored: outcome === "stored" }
    })

    return RolloutControl.of({
      current: Effect.sync(() => flags.status().rollout),
      assess: Effect.suspend(() =>
        Option.match(Option.filter(flags.status().rollout, isWatched), {
          onNone: () => Effect.succeedNone,
          onSome: (rollout) =>
            Option.match(view.last(rollout), {
              onNone: () => Effect.map(view.judge(rollout), ({ assessment }) => Option.some(assessment)),
              onSome: Effect.succeedSome,
            }),
        }),
      ),
      advance: ({ to, automatic, ...word }) => say(advance(to, automatic))(word),
      pause: say(pause),
      resume: say(resume),
      // Who was faster is the analysis perhaps, and has taken it a step further.
      abort: (word) =>
        Effect.retry(abortOnce(word), { times: 2, while: (refused) => refused === wasOvertaken }),
    })
  }),
)

const wasOvertaken = new RolloutRefused({
  message: "Somebody else has changed the rollout at the same time. Look at it again.",
})
const overtaken = Effect.fail(wasOvertaken)
