import { Clock, Context, Deferred, Effect, Latch, Layer, Option } from "effect"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import { type FlagChanges, FlagFeed, FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import {
  type FlagChange,
  type FlagHistory,
  type FlagOutcome,
  FlagStore,
  type WantedFlags,
} from "../../src/flags/FlagStore.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"

/** What the feed does when it is asked. */
export type FeedManner = "answers" | "fails" | "hangs"

/**
 * A stand-in of the flags' database in memory, which meets `FlagFeed` and `FlagStore`. The store always answers: it is
 * the database as other instances reach it.
 */
export class MemoryFlags extends Context.Service<
  MemoryFlags,
  {
    /** Puts the rollout in the place of whatever there is. */
    readonly record: (rollout: Rollout) => Effect.Effect<void>
    /** Coming back, it has those who listen hear. */
    readonly feedBecomes: (manner: FeedManner) => Effect.Effect<void>
    /** Whether those who listen hear anything: else the changes are there to be asked for, and no more. */
    readonly isHeard: (heard: boolean) => Effect.Effect<void>
    /** How many questions the feed has had. */
    readonly asked: () => number
  }
>()("gateway/test/flags/MemoryFlags") {
  static readonly layer = Layer.effectContext(Effect.suspend(() => make(true)))
  /** Opens with the first question, as the embedded database does. */
  static readonly layerUnopened = Layer.effectContext(Effect.suspend(() => make(false)))
}

const make = Effect.fnUntraced(function* (isOpen: boolean) {
  const clock = yield* Clock.Clock
  const opened = yield* Deferred.make<void>()
  const open = Effect.asVoid(Deferred.succeed(opened, undefined))
  if (isOpen) yield* open

  const rows = new Map<string, CustomerFlags>()
  /** By revision: which customer's row changed, undefined where it was the rollout. */
  const changed: Array<string | undefined> = []
  const history: Array<FlagHistory> = []
  const listeners = new Set<Latch.Latch>()
  let rollout = Option.none<Rollout>()
  let version = 0
  let manner: FeedManner = "answers"
  let isHeard = true
  let asked = 0

  const tell = () => {
    if (isHeard && manner === "answers") for (const listener of listeners) listener.openUnsafe()
  }
  const commit = (customerId?: string) => {
    changed.push(customerId)
    tell()
  }

  const since = (known: Option.Option<number>): FlagChanges => {
    const revision = changed.length
    const from = Option.getOrElse(known, () => -1)
    if (from > revision || (from < revision && from <= 0))
      return { revision, isWhole: true, rows: [...rows.values()], removed: [], rollout }
    const ids = new Set(changed.slice(from).filter((id) => id !== undefined))
    return {
      revision,
      isWhole: false,
      rows: [...ids].flatMap((id) => rows.get(id) ?? []),
      removed: [...ids].filter((id) => !rows.has(id)),
      rollout,
    }
  }

  const write = ({ customerId, wanted, expected, by, reason }: FlagChange): FlagOutcome => {
    const there = Option.fromUndefinedOr(rows.get(customerId))
    const isExpected =
      expected === "any" ||
      (Option.isNone(expected)
        ? Option.isNone(there)
        : Option.exists(there, (row) => row.version === expected.value))
    if (!isExpected) return { _tag: "conflict", row: there }
    const at = clock.currentTimeMillisUnsafe()
    const row = Option.map(wanted, (values): CustomerFlags => ({
      customerId,
      ...values,
      updatedAt: at,
      updatedBy: by,
      version: String(++version),
    }))
    if (Option.isNone(there) && Option.isNone(row)) return { _tag: "changed", row }
    if (Option.isSome(row)) rows.set(customerId, row.value)
    else rows.delete(customerId)
    history.push({
      customerId,
      at,
      by,
      reason: Option.some(reason),
      before: Option.map(there, wantedOf),
      after: wanted,
    })
    commit(customerId)
    return { _tag: "changed", row }
  }

  const stored = <A>(question: () => A) => Effect.andThen(open, Effect.sync(question))

  return Context.make(
    FlagFeed,
    FlagFeed.of({
      since: (revision) =>
        Effect.suspend(() => {
          asked++
          if (manner === "hangs") return Effect.never
          if (manner === "fails") return Effect.fail(new FlagsUnavailable({ cause: "It is away." }))
          return stored(() => since(revision))
        }),
      listen: Effect.fnUntraced(function* (heard) {
        const listener = Latch.makeUnsafe(true)
        yield* Effect.acquireRelease(
          Effect.sync(() => listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener)),
        )
        yield* listener.await.pipe(
          Effect.andThen(Effect.suspend(() => (listener.closeUnsafe(), heard))),
          Effect.forever,
          Effect.forkScoped,
        )
      }),
      opened: Deferred.await(opened),
    }),
  ).pipe(
    Context.add(
      FlagStore,
      FlagStore.of({
        find: (customerId) => stored(() => Option.fromUndefinedOr(rows.get(customerId))),
        list: ({ after, limit }) =>
          stored(() =>
            [...rows.values()]
              .filter(({ customerId }) => Option.isNone(after) || byCodePoint(customerId, after.value) > 0)
              .toSorted((a, b) => byCodePoint(a.customerId, b.customerId))
              .slice(0, limit),
          ),
        write: (change) => stored(() => write(change)),
        history: (page) =>
          stored(() =>
            history
              .toReversed()
              .filter(
                ({ customerId }) => Option.isNone(page.customerId) || page.customerId.value === customerId,
              )
              .slice(0, page.limit),
          ),
      }),
    ),
    Context.add(
      MemoryFlags,
      MemoryFlags.of({
        record: (next) =>
          stored(() => {
            rollout = Option.some(next)
            commit()
          }),
        feedBecomes: (next) =>
          Effect.sync(() => {
            manner = next
            tell()
          }),
        isHeard: (heard) =>
          Effect.sync(() => {
            isHeard = heard
          }),
        asked: () => asked,
      }),
    ),
  )
})

const wantedOf = ({ gatewayEnabled, middleware, rolloutCohort }: CustomerFlags): WantedFlags => ({
  gatewayEnabled,
  middleware,
  rolloutCohort,
})

/** UTF-8 is in the order of the code points. */
const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
