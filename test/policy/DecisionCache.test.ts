import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../layers/memory/SharedDecisions.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { makeDecisionCache } from "../../src/policy/DecisionCache.ts"
import { decisionKey, sharedName } from "../../src/policy/DecisionKey.ts"
import { SharedDecisions, SharedDecisionsUnavailable } from "../../src/policy/SharedDecisions.ts"
import { makeSharedLookups } from "../../src/policy/SharedLookups.ts"
import { allowed, denied } from "../contract/SharedDecisions.ts"
import { loggedIn } from "../Logged.ts"
import { customer, now } from "./Requests.ts"

const times = { freshSeconds: 300, staleSeconds: 1800, revision: () => "r1" }
const forAll: Decision = { ...allowed, cache: { allowed: true, until: null } }
const numbered = (n: number): DecisionRequest => ({ ...customer, resource: `/api/v1/agents/${n}` })

describe("the decisions of this process", () => {
  const local = makeDecisionCache({ ...times, shared: Option.none() })

  it.effect("are bounded, and the newest are kept", () =>
    Effect.gen(function* () {
      const cache = yield* local
      for (let n = 0; n < 50_000; n++) yield* cache.remember(numbered(n), forAll, "r1")
      const kept = Array.from({ length: 50_000 }, (_, n) => cache.usable(numbered(n))).filter(Boolean)
      assert.isAtMost(kept.length, 20_000)
      for (let n = 49_000; n < 50_000; n++) assert.isDefined(cache.usable(numbered(n)))
      assert.isUndefined(cache.usable(numbered(0)))
    }),
  )

  it.effect("do not include those of endless paths", () =>
    Effect.gen(function* () {
      const cache = yield* local
      const endless = { ...customer, resource: `/${"a".repeat(2000)}` }
      yield* cache.remember(endless, forAll, "r1")
      assert.isUndefined(cache.usable(endless))
    }),
  )

  it.effect("do not include what a policy does not want to have remembered", () =>
    Effect.gen(function* () {
      const cache = yield* local
      yield* cache.remember(customer, { ...denied, cache: { allowed: false, until: null } }, "r1")
      assert.isUndefined(cache.usable(customer))
      yield* cache.remember(customer, { ...denied, cache: { allowed: true, until: now } }, "r1")
      assert.isUndefined(cache.usable(customer))
      yield* cache.remember(customer, denied, "r1")
      assert.deepStrictEqual(cache.usable(customer)?.decision, denied)
    }),
  )

  it.effect("are found as they were decided last", () =>
    Effect.gen(function* () {
      const cache = yield* local
      yield* cache.remember(customer, forAll, "r1")
      yield* cache.remember({ ...customer, now: now + 1 }, denied, "r1")
      assert.isUndefined(cache.usable(customer))
      assert.deepInclude(cache.usable({ ...customer, now: now + 1 }), {
        decision: denied,
        decidedAt: now + 1,
      })
    }),
  )

  it.effect("are none while no revision is known", () =>
    Effect.gen(function* () {
      const cache = yield* makeDecisionCache({ ...times, revision: () => undefined, shared: Option.none() })
      yield* cache.remember(customer, forAll, undefined)
      assert.isUndefined(cache.usable(customer))
    }),
  )
})

/** A cache over L2 in memory, which can be taken away. */
const makeScene = Effect.gen(function* () {
  const memory = Context.get(yield* Layer.build(MemorySharedDecisions.layer), SharedDecisions)
  const scene = { asked: 0, isAway: false }
  const reached = <A>(answer: Effect.Effect<A, SharedDecisionsUnavailable>) =>
    Effect.suspend(() => {
      scene.asked++
      return scene.isAway ? Effect.fail(new SharedDecisionsUnavailable({ cause: "away" })) : answer
    })
  const lookups = yield* makeSharedLookups.pipe(
    Effect.provideService(SharedDecisions, {
      get: (key) => reached(memory.get(key)),
      set: (key, remembered, keepSeconds) => reached(memory.set(key, remembered, keepSeconds)),
    }),
  )
  const cache = yield* makeDecisionCache({ ...times, shared: Option.some(lookups) })
  return { scene, cache, put: memory.set, get: memory.get }
})
const nameOf = (request: DecisionRequest) => sharedName(decisionKey("r1", request))

describe("what other instances know", () => {
  it.effect("is kept as long as it may be used, stale time and until included", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const { cache, get } = yield* makeScene
      const ending = { ...customer, subject: "user-2" }
      yield* cache.remember(customer, forAll, "r1")
      yield* cache.remember(ending, { ...forAll, cache: { allowed: true, until: now + 60_000 } }, "r1")
      yield* TestClock.adjust("59999 millis")
      assert.isTrue(Option.isSome(yield* get(nameOf(ending))))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Option.isNone(yield* get(nameOf(ending))))
      yield* TestClock.adjust("1739999 millis")
      assert.isTrue(Option.isSome(yield* get(nameOf(customer))))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Option.isNone(yield* get(nameOf(customer))))
    }),
  )

  it.effect("is judged here again: age, until, the future, and whether it may be remembered", () =>
    Effect.gen(function* () {
      const { cache, put } = yield* makeScene
      const unusable: ReadonlyArray<readonly [Decision, number]> = [
        [forAll, now - 1_800_000],
        [forAll, now + 1],
        [{ ...forAll, cache: { allowed: true, until: now } }, now - 1],
        [{ ...forAll, cache: { allowed: false, until: null } }, now],
      ]
      for (const [decision, decidedAt] of unusable) {
        yield* put(nameOf(customer), { decision, decidedAt }, 10_000)
        yield* cache.consult(customer)
        assert.isUndefined(cache.usable(customer))
      }
      yield* put(nameOf(customer), { decision: forAll, decidedAt: now - 1_799_999 }, 10_000)
      yield* cache.consult(customer)
      assert.isDefined(cache.usable(customer))
      assert.isUndefined(cache.fresh(customer))
    }),
  )

  it.effect("does not replace what is newer here", () =>
    Effect.gen(function* () {
      const { cache, put } = yield* makeScene
      yield* cache.remember(customer, forAll, "r1")
      yield* put(nameOf(customer), { decision: denied, decidedAt: now - 1 }, 60)
      yield* cache.consult(customer)
      assert.strictEqual(cache.usable(customer)?.decision, forAll)
    }),
  )
})

describe("while the shared decisions are away", () => {
  it.effect("they are nothing found, asked once a second and logged once, and come back by themselves", () =>
    Effect.suspend(() => {
      const lines: Array<string> = []
      return Effect.provide(outage(lines), loggedIn(lines))
    }),
  )
})

/** Ten callers a second, through an outage and its end. */
const outage = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
  const { scene, cache, put } = yield* makeScene
  scene.isAway = true
  for (let n = 0; n < 10; n++) {
    yield* cache.consult(numbered(n))
    assert.isUndefined(cache.usable(numbered(n)))
    yield* cache.remember(numbered(n), forAll, "r1")
    assert.isDefined(cache.usable(numbered(n)))
  }
  assert.strictEqual(scene.asked, 1)
  yield* TestClock.adjust("1 second")
  for (let n = 0; n < 10; n++) yield* cache.consult(customer)
  assert.strictEqual(scene.asked, 2)
  assert.lengthOf(lines, 1)
  assert.match(String(lines[0]), /^Warn: Decisions are not shared now/)

  scene.isAway = false
  yield* put(nameOf(customer), { decision: denied, decidedAt: now }, 60)
  yield* cache.consult(customer)
  assert.isUndefined(cache.usable(customer), "nobody is asked before the second is over")
  yield* TestClock.adjust("1 second")
  yield* cache.consult(customer)
  assert.deepStrictEqual(cache.usable(customer)?.decision, denied)
  assert.lengthOf(lines, 2)
  yield* cache.consult(numbered(77))
  assert.strictEqual(scene.asked, 4)
})
