import { Clock, Duration, Effect, Layer, Metric, Option, Schedule } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { FeatureFlags } from "./FeatureFlags.ts"
import { percent, type Rollout } from "./Rollout.ts"
import * as RolloutDesk from "./RolloutDesk.ts"
import { RolloutRecord } from "./RolloutRecord.ts"
import { followUp, isWatched } from "./RolloutSteps.ts"
import { RolloutView } from "./RolloutView.ts"
import { showMetric } from "../primitives/ShownMetric.ts"

/**
 * Judges the rollout every `ROLLOUT_ANALYSIS_SECONDS`, and does what follows (SPEC 11): takes it to 0 % when a guardrail
 * is broken, and further when it may go by itself. Every instance does; who is first to put a change on record has made
 * it. Without a rollout nobody is asked anything.
 */
const watch = Layer.effectDiscard(
  Effect.gen(function* () {
    const { analysisSeconds, stepSeconds } = (yield* GatewayConfig).rollout
    const flags = yield* FeatureFlags
    const view = yield* RolloutView
    const record = yield* RolloutRecord
    const clock = yield* Clock.Clock
    yield* showState(() => flags.status().rollout)

    const look = Effect.fnUntraced(function* (rollout: Rollout) {
      const { assessment, isStillSeen } = yield* view.judge(rollout)
      const now = clock.currentTimeMillisUnsafe()
      const change = followUp(rollout, assessment, { now, stepSeconds, isStillSeen })
      if (Option.isNone(change)) return
      const evidence = Option.some(assessment)
      // Who is overtaken, or cannot tell the database, looks again.
      yield* change.value.action === "abort"
        ? record.abort(change.value, evidence)
        : Effect.ignore(record.put(change.value, evidence))
    })

    const round = Effect.gen(function* () {
      yield* Effect.ignore(record.catchUp)
      const { rollout } = flags.status()
      yield* Option.isSome(rollout) && isWatched(rollout.value) ? look(rollout.value) : view.rest
    })
    yield* round.pipe(
      // A guard must not end by whatever goes wrong once.
      Effect.catchCause((cause) =>
        Effect.logWarning("A look at the rollout failed; the next follows.", cause),
      ),
      Effect.repeat(Schedule.spaced(Duration.seconds(analysisSeconds))),
      Effect.forkScoped,
    )
  }),
)

/** The rollout, sampled, watched, and steered by people. */
export const layer = Layer.merge(watch, RolloutDesk.layer).pipe(
  Layer.provide(RolloutRecord.layer),
  Layer.provideMerge(RolloutView.layer),
)

const stateGauge = Metric.gauge("gateway_rollout_state", {
  description: "The rollout: 0 none, 1 running, 2 paused, 3 inconclusive, 4 aborted, 5 promoted",
})
const states = { running: 1, paused: 2, inconclusive: 3, aborted: 4, promoted: 5 } as const satisfies Record<
  Rollout["state"],
  number
>
const percentGauge = Metric.gauge("gateway_rollout_percent", {
  description: "The percentage of customers whom the rollout enrols; 0 without one too",
})

const showState = Effect.fnUntraced(function* (current: () => Option.Option<Rollout>) {
  const valueOf = (value: (rollout: Rollout) => number) => () => ({
    value: Option.match(current(), { onNone: () => 0, onSome: value }),
  })
  yield* showMetric(
    stateGauge,
    valueOf(({ state }) => states[state]),
  )
  yield* showMetric(percentGauge, valueOf(percent))
})
