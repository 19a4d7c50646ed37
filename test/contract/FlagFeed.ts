import { assert, describe, layer, type Vitest } from "@effect/vitest"
import { Effect, Exit, Fiber, type Layer, Option, Ref, Scope } from "effect"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import { type FlagChanges, FlagFeed } from "../../src/flags/FlagFeed.ts"
import { FlagStore } from "../../src/flags/FlagStore.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { until } from "../Until.ts"
import { anyCustomer, changeOf, wantedFlags } from "./FlagStore.ts"

const since = (revision?: number) => FlagFeed.use((feed) => feed.since(Option.fromUndefinedOr(revision)))
const write = (customerId: string, differently = {}) =>
  FlagStore.use((store) => store.write(changeOf(customerId, differently)))
const remove = (customerId: string) => write(customerId, { wanted: Option.none() })
const find = (customerId: string) =>
  Effect.map(
    FlagStore.use((store) => store.find(customerId)),
    Option.getOrThrow,
  )

/** What an instance knows, which is told of changes. */
const told = (known: ReadonlyMap<string, CustomerFlags>, { isWhole, removed, rows }: FlagChanges) => {
  const next = new Map(isWhole ? [] : known)
  for (const customerId of removed) next.delete(customerId)
  for (const row of rows) next.set(row.customerId, row)
  return next
}

/** Everything, by customer. */
const whole = Effect.map(since(), (changes) => told(new Map(), changes))

/** Listens, and asks what has changed whenever something is heard. */
export const following = Effect.gen(function* () {
  const feed = yield* FlagFeed
  const first = yield* feed.since(Option.none())
  let known = told(new Map(), first)
  let { revision } = first
  let heard = 0
  yield* feed.listen(
    Effect.gen(function* () {
      heard++
      const changes = yield* feed.since(Option.some(revision))
      known = told(known, changes)
      revision = changes.revision
    }).pipe(Effect.ignore),
  )
  return { heard: () => heard, row: (customerId: string) => known.get(customerId) }
})

const rollout: Rollout = {
  state: "running",
  cohort: Option.some("canary_25pct"),
  automatic: true,
  step: 2,
  stepStartedAt: 1_700_000_000_001,
  updatedAt: 1_700_000_000_002,
  updatedBy: "staff-1",
  reason: "Because.",
  version: 3,
}

/** Puts a rollout in the place of whatever there is. */
type Record<R> = (rollout: Rollout) => Effect.Effect<unknown, unknown, FlagFeed | FlagStore | R>

/**
 * The contract of `FlagFeed`, which every layer of it passes. The world is built once, and must have had no rollout yet.
 */
export const flagFeedContract = <R, E>(
  world: Layer.Layer<FlagFeed | FlagStore | R, E>,
  record: Record<R>,
): void => {
  layer(world, { timeout: "2 minutes", excludeTestServices: true })("keeps its contract", (it) =>
    flagFeedTests(it, record),
  )
}

/** The same, in a world that is there. */
export const flagFeedTests = <R>(
  it: Vitest.MethodsNonLive<FlagFeed | FlagStore | R>,
  record: Record<R>,
): void => {
  describe("everything", () => {
    it.effect("is what is told where nothing is known", () =>
      Effect.gen(function* () {
        const [stays, goes] = [anyCustomer(), anyCustomer()]
        for (const id of [stays, goes]) yield* write(id)
        yield* remove(goes)
        const { isWhole, removed, rows, revision } = yield* since()
        assert.isTrue(isWhole)
        assert.deepStrictEqual(removed, [])
        assert.isTrue(Number.isSafeInteger(revision))
        assert.deepStrictEqual(
          rows.filter(({ customerId }) => customerId === stays),
          [yield* find(stays)],
        )
        assert.notInclude(
          rows.map(({ customerId }) => customerId),
          goes,
        )
        assert.strictEqual(new Set(rows.map(({ customerId }) => customerId)).size, rows.length)
      }),
    )

    it.effect("is told to who knows more than there is", () =>
      Effect.gen(function* () {
        yield* write(anyCustomer())
        const all = yield* since()
        assert.deepStrictEqual(yield* since(all.revision + 1), all)
        assert.deepStrictEqual(yield* since(Number.MAX_SAFE_INTEGER), all)
      }),
    )

    it.effect("is told to who knows what never was", () =>
      Effect.gen(function* () {
        yield* write(anyCustomer())
        const all = yield* since()
        for (const never of [0, -1]) {
          const { rows, ...changes } = yield* since(never)
          assert.deepStrictEqual(told(new Map(), { rows, ...changes }), told(new Map(), all))
        }
      }),
    )
  })

  describe("what has changed", () => {
    it.effect("is nothing where nothing has", () =>
      Effect.gen(function* () {
        yield* write(anyCustomer())
        const { revision, rollout: latest } = yield* since()
        assert.deepStrictEqual(yield* since(revision), {
          revision,
          isWhole: false,
          rows: [],
          removed: [],
          rollout: latest,
        })
      }),
    )

    it.effect("is the rows that were written or removed, each once and as it is now", () =>
      Effect.gen(function* () {
        const [untouched, made, again, gone, back, brief] = Array.from({ length: 6 }, anyCustomer) as [
          string,
          string,
          string,
          string,
          string,
          string,
        ]
        for (const id of [untouched, again, gone, back]) yield* write(id)
        const { revision } = yield* since()
        yield* write(made)
        for (const gatewayEnabled of [false, true, false])
          yield* write(again, { wanted: Option.some(wantedFlags({ gatewayEnabled })) })
        yield* remove(gone)
        yield* remove(back)
        yield* write(back)
        yield* write(brief)
        yield* remove(brief)
        const changes = yield* since(revision)
        assert.isFalse(changes.isWhole)
        assert.isAbove(changes.revision, revision)
        assert.sameDeepMembers(
          [...changes.rows],
          yield* Effect.all([made, again, back].map((id) => find(id))),
        )
        assert.sameMembers([...changes.removed], [gone, brief])
        assert.deepStrictEqual((yield* since(changes.revision)).rows, [])
      }),
    )

    it.effect("is nothing after a change that was none", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        yield* write(customerId)
        const { revision } = yield* since()
        yield* write(customerId, { expected: Option.none() })
        yield* remove(anyCustomer())
        assert.deepInclude(yield* since(revision), { revision, rows: [], removed: [] })
      }),
    )

    it.effect("adds up to everything, for who asks while many write", () =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 6 }, anyCustomer)
        const isDone = yield* Ref.make(false)
        const start = yield* since()
        const follower = yield* Effect.gen(function* () {
          let known = told(new Map(), start)
          let { revision } = start
          for (;;) {
            const isLast = yield* Ref.get(isDone)
            const changes = yield* since(revision)
            assert.isAtLeast(changes.revision, revision)
            if (changes.revision === revision)
              assert.deepStrictEqual([changes.rows, changes.removed], [[], []])
            known = told(known, changes)
            revision = changes.revision
            if (isLast) return { known, revision }
            yield* Effect.yieldNow
          }
        }).pipe(Effect.forkChild)
        yield* Effect.all(
          Array.from({ length: 4 }, (_, writer) =>
            Effect.forEach(
              Array.from({ length: 30 }, (__, n) => ids[(n * (writer + 1)) % ids.length] ?? ""),
              (id, n) => ((n + writer) % 3 === 0 ? remove(id) : write(id)),
            ),
          ),
          { concurrency: "unbounded" },
        )
        yield* Ref.set(isDone, true)
        const { known, revision } = yield* Fiber.join(follower)
        assert.deepStrictEqual(known, yield* whole)
        assert.strictEqual(revision, (yield* since()).revision)
      }),
    )
  })

  describe("the rollout", () => {
    it.effect("is in every answer once there is one, and each change of it is a revision", () =>
      Effect.gen(function* () {
        const before = yield* since()
        assert.deepStrictEqual(before.rollout, Option.none())
        yield* Effect.orDie(record(rollout))
        const started = yield* since(before.revision)
        assert.isAbove(started.revision, before.revision)
        assert.deepStrictEqual(started, {
          revision: started.revision,
          isWhole: false,
          rows: [],
          removed: [],
          rollout: Option.some(rollout),
        })
        assert.deepStrictEqual((yield* since()).rollout, Option.some(rollout))
        assert.deepStrictEqual(yield* since(started.revision), started)

        const aborted: Rollout = { ...rollout, state: "aborted", cohort: Option.none(), version: 4 }
        yield* Effect.orDie(record(aborted))
        const ended = yield* since(started.revision)
        assert.isAbove(ended.revision, started.revision)
        assert.deepStrictEqual(ended.rollout, Option.some(aborted))
      }),
    )
  })

  describe("who listens", () => {
    it.effect("hears of each change soon", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const { row } = yield* following
        yield* write(customerId)
        yield* until(() => row(customerId) !== undefined)
        yield* remove(customerId)
        yield* until(() => row(customerId) === undefined)
      }).pipe(Effect.scoped),
    )

    it.effect("hears of it with all others, and not in the way of one who takes long", () =>
      Effect.gen(function* () {
        const { listen } = yield* FlagFeed
        const customerId = anyCustomer()
        yield* listen(Effect.never)
        const [one, other] = [yield* following, yield* following]
        yield* write(customerId)
        yield* until(() => one.row(customerId) !== undefined && other.row(customerId) !== undefined)
      }).pipe(Effect.scoped),
    )

    it.effect("hears nothing more once it has gone", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const scope = yield* Scope.make()
        const gone = yield* Scope.provide(following, scope)
        const stays = yield* following
        yield* write(customerId)
        yield* until(() => gone.row(customerId) !== undefined)
        yield* Scope.close(scope, Exit.void)
        const before = gone.heard()
        yield* remove(customerId)
        yield* until(() => stays.row(customerId) === undefined)
        assert.strictEqual(gone.heard(), before)
      }).pipe(Effect.scoped),
    )
  })

  it.effect("is open once there are flags", () =>
    Effect.gen(function* () {
      const { opened } = yield* FlagFeed
      yield* write(anyCustomer())
      yield* opened
    }),
  )
}
