import { Clock, Effect, Exit, Metric, Option, Scope } from "effect"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Breakers, type CircuitOpen } from "../rollback/Breakers.ts"
import type { Decision, DecisionRequest } from "./Decision.ts"
import { type DecisionCache, makeDecisionCache } from "./DecisionCache.ts"
import { decisionKey } from "./DecisionKey.ts"
import { PolicyEngine, type PolicyUnavailable } from "./PolicyEngine.ts"
import type { Remembered } from "./SharedDecisions.ts"
import { makeSharedLookups } from "./SharedLookups.ts"
import { makeSingleFlight } from "./SingleFlight.ts"

export interface Found extends Remembered {
  /** `stale` only while the engine is not asked. */
  readonly source: "engine" | "cache" | "stale"
}

/** How far the engine is, and what is therefore done before it is asked. */
export interface EngineAccess {
  readonly cache: DecisionCache
  /** The engine alone; nothing of it is remembered. */
  readonly ask: (request: DecisionRequest) => Effect.Effect<Decision, PolicyUnavailable | CircuitOpen>
  /** For a rememberable request of which nothing in L1 is fresh; what the engine says is remembered. */
  readonly find: (request: DecisionRequest) => Effect.Effect<Found, PolicyUnavailable | CircuitOpen>
}

/** While known decisions are used, the breaker is asked this often whether it wants a probe: a refusal costs 20 us. */
const betweenProbesMillis = 1000

/**
 * In this process. There is no breaker, because there is nothing that could be away, and no L2, because an evaluation
 * is cheaper than asking Redis; and questions do not share an answer, because none lasts longer than its own turn.
 */
export const inProcess = Effect.gen(function* () {
  const { freshSeconds, staleSeconds } = (yield* GatewayConfig).policy
  const { ask, revision } = yield* timedEngine
  const cache = yield* makeDecisionCache({ freshSeconds, staleSeconds, revision, shared: Option.none() })
  return {
    cache,
    ask,
    find: (request) =>
      Effect.suspend(() => {
        const before = revision()
        return Effect.flatMap(ask(request), (decision) =>
          Effect.as(cache.remember(request, decision, before), foundNow(request, decision)),
        )
      }),
  } satisfies EngineAccess
})

/** On servers, behind a circuit breaker: L2 is asked first, and of those who ask the same one asks for all. */
export const overNetwork = Effect.gen(function* () {
  const { freshSeconds, staleSeconds } = (yield* GatewayConfig).policy
  const engine = yield* timedEngine
  const { revision } = engine
  const breaker = yield* (yield* Breakers).of("policy-engine")
  const cache = yield* makeDecisionCache({
    freshSeconds,
    staleSeconds,
    revision,
    shared: Option.some(yield* makeSharedLookups),
  })
  const clock = yield* Clock.Clock
  const scope = yield* Scope.Scope
  const flights = yield* makeSingleFlight<Found, PolicyUnavailable | CircuitOpen>()

  // Requests that shared a query share its failure, and one query is one failure: counted for each, a single bad answer
  // to a full query would open the circuit for everybody.
  const counted = new WeakSet<PolicyUnavailable>()
  const isNews = (failure: PolicyUnavailable): boolean => {
    if (counted.has(failure)) return false
    counted.add(failure)
    return true
  }
  const ask = (request: DecisionRequest) => breaker.protect(engine.ask(request), isNews)

  const askAndRemember = Effect.fnUntraced(function* (request: DecisionRequest) {
    const before = revision()
    const decision = yield* ask(request)
    // L1 knows it when this one goes on; nobody waits for L2.
    yield* Effect.forkIn(cache.remember(request, decision, before), scope, { startImmediately: true })
    return foundNow(request, decision)
  })

  const consultAndAsk = Effect.fnUntraced(function* (request: DecisionRequest) {
    yield* cache.consult(request)
    const known = cache.usable(request)
    if (known !== undefined && cache.isFresh(known, request.now))
      return { ...known, source: "cache" } satisfies Found
    return yield* askAndRemember(request)
  })

  const board = (request: DecisionRequest, work: typeof askAndRemember) =>
    flights.board(decisionKey(revision(), request), work(request))

  let nextProbeAt = Number.NEGATIVE_INFINITY
  /** The breaker may want a probe; nobody waits for it. */
  const probe = (request: DecisionRequest): Effect.Effect<void> => {
    const at = monotonicMillis(clock)
    if (at < nextProbeAt) return Effect.void
    nextProbeAt = at + betweenProbesMillis
    return Effect.asVoid(board(request, askAndRemember))
  }

  const find = (request: DecisionRequest): Effect.Effect<Found, PolicyUnavailable | CircuitOpen> => {
    const stale = breaker.isClosed() ? undefined : cache.usable(request)
    if (stale !== undefined) return Effect.as(probe(request), { ...stale, source: "stale" })
    return Effect.flatMap(Effect.flatten(board(request, consultAndAsk)), ({ answer, joined }) =>
      // What others asked for is good for this one only as far as it would be from the cache.
      joined && !cache.isFresh(answer, request.now)
        ? Effect.map(ask(request), (decision) => foundNow(request, decision))
        : Effect.succeed(answer),
    )
  }

  return { cache, ask, find } satisfies EngineAccess
})

const foundNow = ({ now }: DecisionRequest, decision: Decision): Found => ({
  decision,
  decidedAt: now,
  source: "engine",
})

const duration = Metric.histogram("gateway_policy_engine_duration_seconds", {
  description: "Time that the policy engine took, in seconds, by outcome",
  boundaries: Metric.exponentialBoundaries({ start: 0.000_01, factor: 2, count: 20 }),
})

const timedEngine = Effect.gen(function* () {
  const { decide, revision } = yield* PolicyEngine
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const durations = {
    decided: Metric.withAttributes(duration, { outcome: "decided" }),
    failed: Metric.withAttributes(duration, { outcome: "failed" }),
  }
  return {
    revision,
    ask: (request: DecisionRequest) =>
      Effect.suspend(() => {
        const begun = clock.monotonicTimeNanosUnsafe()
        return Effect.onExit(decide(request), (exit) => {
          const seconds = Number(clock.monotonicTimeNanosUnsafe() - begun) / 1e9
          durations[Exit.isSuccess(exit) ? "decided" : "failed"].updateUnsafe(seconds, context)
          return Effect.void
        })
      }),
  }
})
