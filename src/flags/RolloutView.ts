import { Clock, Context, Effect, Layer, Metric, Option } from "effect"
import { randomUUID } from "node:crypto"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import { assess, type Assessment, isStillSeen, startOf } from "./Analysis.ts"
import type { Rollout } from "./Rollout.ts"
import { Rollouts } from "./Rollouts.ts"
import { bySpan, groups, RolloutSampler, type Seen } from "./Samples.ts"
import { Sampler } from "./Sampler.ts"
import { showMetric } from "../primitives/ShownMetric.ts"

/** What was made of a rollout at one time. */
export interface Judged {
  readonly assessment: Assessment
  readonly isStillSeen: boolean
}

/** What is seen of the rollout: what this instance samples, what it tells the others, and what it hears of them. */
export class RolloutView extends Context.Service<
  RolloutView,
  {
    /**
     * Samples from now on what belongs to this rollout's step, tells the others, and judges what all have seen; what this
     * instance alone has seen while the database is away.
     */
    readonly judge: (rollout: Rollout) => Effect.Effect<Judged>
    /** The last judgement of the rollout as it is now; none when there was none yet. */
    readonly last: (rollout: Rollout) => Option.Option<Assessment>
    /** Samples nothing. */
    readonly rest: Effect.Effect<void>
  }
>()("gateway/flags/RolloutView") {
  /** Also where the stage says how requests went. */
  static readonly layer = Layer.effectContext(
    Effect.gen(function* () {
      const { rollout: limits } = yield* GatewayConfig
      const rollouts = yield* Rollouts
      const clock = yield* Clock.Clock
      const sampler = new Sampler()
      const instance = randomUUID()
      let last: { readonly step: number; readonly assessment: Assessment } | undefined
      yield* countRequests(sampler)

      /** All that was seen; fails when the others cannot be told, or heard. */
      const share = (rollout: Rollout, own: Seen, until: number) =>
        Effect.andThen(
          own.step.canary.requests + own.step.control.requests === 0
            ? Effect.void
            : rollouts.tell({ step: rollout.step, instance, until, seen: own }),
          rollouts.seen(
            rollout.step,
            bySpan((span) => startOf(span, rollout, until)),
          ),
        )

      const judge = Effect.fnUntraced(function* (rollout: Rollout) {
        sampler.follow(rollout.step)
        const now = clock.currentTimeMillisUnsafe()
        const own = sampler.seen(monotonicMillis(clock))
        const [seen, scope] = yield* Effect.match(share(rollout, own, now), {
          onSuccess: (all) => [all, "all"] as const,
          onFailure: () => [own, "this-instance"] as const,
        })
        const assessment = assess(rollout, seen, limits, now, scope)
        last = { step: rollout.step, assessment }
        yield* Metric.update(Metric.withAttributes(judgements, { verdict: assessment.verdict, scope }), 1)
        return { assessment, isStillSeen: isStillSeen(seen, limits) }
      })

      return Context.make(RolloutSampler, { observe: sampler.observe }).pipe(
        Context.add(RolloutView, {
          judge,
          last: ({ step }) => (last?.step === step ? Option.some(last.assessment) : Option.none()),
          rest: Effect.sync(() => {
            sampler.follow(undefined)
            last = undefined
          }),
        }),
      )
    }),
  )
}

const judgements = Metric.counter("gateway_rollout_judgements_total", {
  description: "Judgements of a rollout, by verdict, and by whether all instances' requests were judged",
  incremental: true,
})

const requests = Metric.counter("gateway_rollout_requests_total", {
  description: "Requests of a rollout's groups, while one is watched",
  incremental: true,
})
const errors = Metric.counter("gateway_rollout_errors_total", {
  description: "Requests of a rollout's groups that were answered with 5xx, while one is watched",
  incremental: true,
})

/** The series are read when metrics are, not told by each request. */
const countRequests = Effect.fnUntraced(function* (sampler: Sampler) {
  for (const group of groups) {
    const show = (counter: Metric.Counter<number>, count: () => number) =>
      showMetric(Metric.withAttributes(counter, { group }), () => ({ count: count(), incremental: true }))
    yield* show(requests, () => sampler.total(group).requests)
    yield* show(errors, () => sampler.total(group).errors)
  }
})
