import {
  Clock,
  Context,
  Duration,
  Effect,
  Exit,
  Layer,
  Metric,
  Option,
  Queue,
  Random,
  References,
} from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { Decision, DecisionRequest } from "./Decision.ts"
import type { PolicyEngine, PolicyUnavailable } from "./PolicyEngine.ts"
import { type Disagreement, ShadowReport } from "./ShadowReport.ts"

/** The policy of `POLICY_SHADOW_DIR`; none when there is none. */
export class ShadowPolicy extends Context.Service<ShadowPolicy, Option.Option<PolicyEngine["Service"]>>()(
  "gateway/policy/ShadowPolicy",
) {}

/** Somebody who decides; `source` tells where the decision came from. */
interface Decides {
  <A extends { readonly decision: Decision; readonly source: string }, E>(
    decide: (request: DecisionRequest) => Effect.Effect<A, E>,
  ): (request: DecisionRequest) => Effect.Effect<A, E>
}

/** Decisions that wait for the comparison; one more is not compared. */
const waitingMax = 64
const examplesKept = 50
/** How long the comparison rests after an evaluation, in times of what that took: a slow policy costs 5 % of a processor. */
const restFactor = 19

const compared = Metric.counter("gateway_policy_shadow_total", {
  description: "Decisions that the second policy was asked too, by what the two said",
  incremental: true,
})

/**
 * Shadow mode (SPEC 6): a second policy is asked a sample of what the active one decided. It never decides: the
 * answer has left before it is asked, and whatever it does is counted and nothing else.
 */
export class Shadow extends Context.Service<Shadow, { readonly beside: Decides }>()("gateway/policy/Shadow") {
  static readonly layer = Layer.unwrap(
    Effect.map(ShadowPolicy, Option.match({ onNone: () => Shadow.layerOff, onSome: (policy) => on(policy) })),
  )

  static readonly layerOff = Layer.succeedContext(
    Context.make(Shadow, { beside: (decide) => decide }).pipe(
      Context.add(ShadowReport, { read: Effect.succeedNone }),
    ),
  )
}

const on = (policy: PolicyEngine["Service"]) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { shadowSample } = (yield* GatewayConfig).policy
      const random = yield* Random.Random
      const clock = yield* Clock.Clock
      const since = clock.currentTimeMillisUnsafe()
      const waiting = yield* Queue.dropping<{ readonly request: DecisionRequest; readonly active: string }>(
        waitingMax,
      )
      const byRule = new Map<string, number>()
      const examples: Array<Disagreement> = []
      let sampled = 0
      let disagreements = 0

      const compare = Effect.fnUntraced(function* () {
        const { request, active } = yield* Queue.take(waiting)
        const begun = clock.monotonicTimeNanosUnsafe()
        const shadow = outcomeOf(yield* Effect.exit(Effect.suspend(() => policy.decide(request))))
        const took = clock.monotonicTimeNanosUnsafe() - begun
        sampled++
        const rule = active === shadow ? "agreed" : `${active} -> ${shadow}`
        yield* Metric.update(Metric.withAttributes(compared, { rule }), 1)
        if (active !== shadow) {
          disagreements++
          byRule.set(rule, (byRule.get(rule) ?? 0) + 1)
          const { now: at, portal, method, route, roles } = request
          examples.unshift({ at, portal, method, route, roles, active, shadow })
          examples.length = Math.min(examples.length, examplesKept)
        }
        yield* Effect.sleep(Duration.nanos(took * BigInt(restFactor)))
      })
      yield* compare().pipe(
        Effect.forever,
        // What it has to say is in the report; the log speaks of the policy that decides.
        Effect.provideService(References.MinimumLogLevel, "None"),
        Effect.forkScoped,
      )

      const beside: Decides = (decide) => (request) =>
        Effect.map(decide(request), (verdict) => {
          // What is stale, or another engine's, is not what the active policy says.
          const isActive = verdict.source === "engine" || verdict.source === "cache"
          if (isActive && random.nextDoubleUnsafe() < shadowSample)
            Queue.offerUnsafe(waiting, { request, active: sayingOf(verdict.decision) })
          return verdict
        })
      const read = Effect.sync(() =>
        Option.some({
          revision: policy.revision(),
          since,
          sampled,
          disagreements,
          byRule: Object.fromEntries(byRule),
          examples: [...examples],
        }),
      )
      return Context.make(Shadow, { beside }).pipe(Context.add(ShadowReport, { read }))
    }),
  )

/** What is compared of a decision. */
const sayingOf = (decision: Decision): string =>
  decision.allow ? `allow:${decision.obligations.target_backend}` : `deny:${decision.reasons[0].code}`

const outcomeOf = (exit: Exit.Exit<Decision, PolicyUnavailable>): string => {
  if (Exit.isSuccess(exit)) return sayingOf(exit.value)
  const failure = Exit.findErrorOption(exit)
  return `failed:${Option.isSome(failure) ? failure.value.reason : "defect"}`
}
