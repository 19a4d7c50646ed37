import { Effect, Metric, Option } from "effect"
import { BoundedMemory } from "../primitives/BoundedMemory.ts"
import type { Decision, DecisionRequest } from "./Decision.ts"
import {
  areSame,
  type Circumstances,
  circumstancesOf,
  decisionKey,
  placeOf,
  sharedName,
} from "./DecisionKey.ts"
import type { Remembered } from "./SharedDecisions.ts"
import type { SharedLookups } from "./SharedLookups.ts"
import { makeTally } from "../primitives/Tally.ts"

/**
 * What was decided before of requests that are rememberable (SPEC 6): by this process (L1), and by other instances
 * (L2).
 *
 * Nothing is given that is another revision's, that was decided after the request's `now`, that is beyond its stale
 * time, or that has met its own `cache.until`.
 */
export interface DecisionCache {
  /** From L1, if it is fresh. Every request asks. */
  readonly fresh: (request: DecisionRequest) => Remembered | undefined
  /** From L1, fresh or stale. */
  readonly usable: (request: DecisionRequest) => Remembered | undefined
  /** Has L1 know what L2 knows. Never fails. */
  readonly consult: (request: DecisionRequest) => Effect.Effect<void>
  /**
   * Keeps what the engine said of the request, as far as the decision allows it; `revision` is what the engine's was
   * before. L1 knows it at once; what this returns tells L2, and never fails.
   */
  readonly remember: (
    request: DecisionRequest,
    decision: Decision,
    revision: string | undefined,
  ) => Effect.Effect<void>
  /** Whether it may be used at that time as if it had been decided then. */
  readonly isFresh: (decided: Remembered, now: number) => boolean
}

interface Entry extends Remembered {
  readonly revision: string
  readonly circumstances: Circumstances
}

/** Decisions of one process; about a kilobyte each. */
const capacity = 20_000
/** In characters; a longer one is some client's endless path, and nothing is remembered of it. */
const longestPlace = 1024

export const makeDecisionCache = Effect.fnUntraced(function* (options: {
  /** 0: nothing is remembered. */
  readonly freshSeconds: number
  readonly staleSeconds: number
  /** Of the engine's policy; nothing is known while there is none. */
  readonly revision: () => string | undefined
  /** None where the engine is nearer than L2. */
  readonly shared: Option.Option<SharedLookups>
}) {
  const { revision, shared } = options
  const freshMillis = options.freshSeconds * 1000
  const staleMillis = freshMillis === 0 ? 0 : options.staleSeconds * 1000
  const local = new BoundedMemory<Entry>(capacity)
  const [l1, l2] = [yield* tallies("l1"), yield* tallies("l2")]

  const isFresh = (decided: Remembered, now: number): boolean => holds(decided, now, freshMillis)

  const recall = (request: DecisionRequest, millis: number): Remembered | undefined => {
    const entry = local.get(placeOf(request))
    return entry !== undefined &&
      entry.revision === revision() &&
      areSame(entry.circumstances, request) &&
      holds(entry, request.now, millis)
      ? entry
      : undefined
  }
  const usable = (request: DecisionRequest) => recall(request, staleMillis)

  const keep = (request: DecisionRequest, of: string, { decision, decidedAt }: Remembered): void => {
    const place = placeOf(request)
    if (place.length > longestPlace) return
    local.set(place, { decision, decidedAt, revision: of, circumstances: circumstancesOf(request) })
  }

  const ask = Effect.fnUntraced(function* (lookups: SharedLookups, request: DecisionRequest) {
    const of = revision()
    if (of === undefined) return
    const found = yield* lookups.get(sharedName(decisionKey(of, request)))
    const [own, other] = [usable(request), Option.getOrUndefined(found)]
    const isNews = other !== undefined && holds(other, request.now, staleMillis)
    if (isNews && (own === undefined || own.decidedAt < other.decidedAt)) keep(request, of, other)
    l2[isNews && isFresh(other, request.now) ? "hit" : "miss"]()
  })

  const tell = (lookups: SharedLookups, request: DecisionRequest, of: string, decided: Remembered) => {
    const { decidedAt, decision } = decided
    const until = Math.min(decidedAt + staleMillis, decision.cache.until ?? Number.POSITIVE_INFINITY)
    return lookups.set(sharedName(decisionKey(of, request)), decided, (until - decidedAt) / 1000)
  }

  return {
    fresh: (request) => {
      const known = recall(request, freshMillis)
      l1[known === undefined ? "miss" : "hit"]()
      return known
    },
    usable,
    consult: (request) =>
      Option.isSome(shared) && staleMillis > 0 ? ask(shared.value, request) : Effect.void,
    remember: (request, decision, before) => {
      const decided = { decision, decidedAt: request.now }
      const of = revision()
      // Where it changed meanwhile, it is not known whose decision this is.
      const isKnown = of !== undefined && (before === undefined || before === of)
      if (!isKnown || !holds(decided, request.now, staleMillis)) return Effect.void
      keep(request, of, decided)
      return Option.isSome(shared) ? tell(shared.value, request, of, decided) : Effect.void
    },
    isFresh,
  } satisfies DecisionCache
})

/** Whether it may be used at that time, had it a life of that length. */
const holds = ({ decision, decidedAt }: Remembered, now: number, millis: number): boolean =>
  decidedAt <= now &&
  now < decidedAt + millis &&
  decision.cache.allowed &&
  (decision.cache.until === null || now < decision.cache.until)

const lookups = Metric.counter("gateway_policy_cache_lookups_total", {
  description: "Lookups of decisions, by level and whether there was a fresh one",
  incremental: true,
})

const tallies = (level: "l1" | "l2") =>
  Effect.all({
    hit: makeTally(lookups, { level, result: "hit" }),
    miss: makeTally(lookups, { level, result: "miss" }),
  })
