import { Context, Duration, Effect, Layer, Metric, Option, Result } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Problem } from "../http/Problems.ts"
import type { CircuitOpen } from "../rollback/Breakers.ts"
import type { Decision, DecisionRequest } from "./Decision.ts"
import { isRememberable } from "./DecisionKey.ts"
import { inProcess, overNetwork } from "./EngineAccess.ts"
import { FallbackEngine, type PolicyUnavailable } from "./PolicyEngine.ts"
import { Shadow } from "./Shadow.ts"
import type { Remembered } from "./SharedDecisions.ts"
import { makeTally } from "../primitives/Tally.ts"

/** A decision and where it came from. */
export interface Verdict {
  readonly decision: Decision
  /** `cache` within its fresh time, `stale` beyond it because the engine is away, `fallback` the in-process engine. */
  readonly source: "engine" | "cache" | "stale" | "fallback"
  /** Seconds since it was made; 0 when it was made for this request. */
  readonly ageSeconds: number
}

/**
 * What the stages ask who may do what (SPEC 6): remembered decisions first, then the engine behind its circuit
 * breaker, then remembered ones up to their stale time, then the fallback engine, then 503 `service-unavailable`
 * "Policy service unavailable". Never an allowance that no policy gave.
 */
export class Policy extends Context.Service<
  Policy,
  { readonly decide: (request: DecisionRequest) => Effect.Effect<Verdict, Problem> }
>()("gateway/policy/Policy") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { policy } = yield* GatewayConfig
      const { cache, ask, find } = yield* policy.layer === "http" ? overNetwork : inProcess
      const fallback = yield* FallbackEngine
      const { beside } = yield* Shadow
      const count = yield* makeCount

      const verdictOf = (
        { now }: DecisionRequest,
        source: Verdict["source"],
        { decision, decidedAt }: Remembered,
      ): Verdict => {
        count[source][decision.allow ? "allowed" : "denied"]()
        return { decision, source, ageSeconds: (now - decidedAt) / 1000 }
      }

      /** Neither the engine nor the cache decides: a failure ends here, in another engine's decision or closed. */
      const instead = Effect.fnUntraced(function* (
        request: DecisionRequest,
        failure: PolicyUnavailable | CircuitOpen,
      ) {
        if (Option.isSome(fallback)) {
          const { now } = request
          const decision = yield* Effect.result(fallback.value.decide(request))
          if (Result.isSuccess(decision))
            return verdictOf(request, "fallback", { decision: decision.success, decidedAt: now })
        }
        count.none()
        return yield* policyUnavailable(failure)
      })

      const decide = (request: DecisionRequest): Effect.Effect<Verdict, Problem> => {
        const { now } = request
        if (!isRememberable(request))
          return Effect.matchEffect(ask(request), {
            onSuccess: (decision) =>
              Effect.succeed(verdictOf(request, "engine", { decision, decidedAt: now })),
            onFailure: (failure) => instead(request, failure),
          })
        const known = cache.fresh(request)
        if (known !== undefined) return Effect.succeed(verdictOf(request, "cache", known))
        return Effect.matchEffect(find(request), {
          onSuccess: (found) => Effect.succeed(verdictOf(request, found.source, found)),
          onFailure: (failure) => {
            const stale = cache.usable(request)
            return stale === undefined
              ? instead(request, failure)
              : Effect.succeed(verdictOf(request, "stale", stale))
          },
        })
      }
      return { decide: beside((request) => Effect.suspend(() => decide(request))) }
    }),
  )
}

/** An engine that failed while the circuit is closed may answer the next request. */
const policyUnavailable = (failure: PolicyUnavailable | CircuitOpen): Problem => {
  const seconds = failure._tag === "CircuitOpen" ? Math.ceil(Duration.toSeconds(failure.retryAfter)) : 1
  return new Problem({
    slug: "service-unavailable",
    detail: "Policy service unavailable",
    headers: { "retry-after": String(Math.max(1, seconds)) },
    cause: failure,
  })
}

const decisions = Metric.counter("gateway_policy_decisions_total", {
  description: "Requests that were to be decided, by where the decision came from and what it was",
  incremental: true,
})

const makeCount = Effect.gen(function* () {
  const tallies = (source: Verdict["source"]) =>
    Effect.all({
      allowed: makeTally(decisions, { source, outcome: "allowed" }),
      denied: makeTally(decisions, { source, outcome: "denied" }),
    })
  return {
    ...(yield* Effect.all({
      engine: tallies("engine"),
      cache: tallies("cache"),
      stale: tallies("stale"),
      fallback: tallies("fallback"),
    })),
    none: yield* makeTally(decisions, { source: "none", outcome: "unavailable" }),
  }
})
