import { Effect, Option, Semaphore } from "effect"
import { type Cohort, cohortOf, percentOf } from "./Cohort.ts"
import { allMiddleware, type CustomerFlags } from "./CustomerFlags.ts"
import type { Route } from "./FeatureFlags.ts"
import type { FlagChanges } from "./FlagFeed.ts"
import type { KnownFlags } from "./KeptFlags.ts"
import { percent, type Rollout } from "./Rollout.ts"

/**
 * The flags as they are known, and what they come to for each customer.
 *
 * A hundred thousand rows are a burden to copy and none to keep: changes are made in place, at once for who reads, and
 * what takes longer than a request should wait is done in slices.
 */
export interface FlagMemory {
  readonly routeOf: (customerId: string) => Route | undefined
  readonly isKnown: () => boolean
  readonly revision: () => Option.Option<number>
  readonly rows: () => number
  /** The one that holds: where one is presumed, that. */
  readonly rollout: () => Option.Option<Rollout>
  readonly isPresumed: () => boolean
  /** Grows whenever what is known becomes something else than it was when it was kept. */
  readonly edition: () => number

  /** From now on there are no flags, as far as is known. */
  readonly beEmpty: () => void
  /** Knows what was kept, until something is learnt. False where something is known already. */
  readonly recall: (kept: KnownFlags) => Effect.Effect<boolean>
  /** Everything first; then what changed since the last. */
  readonly learn: (changes: FlagChanges) => Effect.Effect<void>
  /** See `FeatureFlags.presume`. False, and nothing changed, where it takes the place of nothing that holds. */
  readonly presume: (rollout: Rollout, insteadOf: number) => boolean
  /** What is known, for who keeps it: nothing changes it any more. None while there are no flags. */
  readonly copy: Effect.Effect<Option.Option<{ readonly known: KnownFlags; readonly edition: number }>>
}

interface Entry {
  readonly row: CustomerFlags
  readonly route: Route
}

interface Presumption {
  readonly rollout: Rollout
  /** The version of the rollout on record that it takes the place of. */
  readonly insteadOf: number
}

/** `defaultEnabled` is `FLAGS_DEFAULT_ENABLED`. */
export const makeFlagMemory = (defaultEnabled: boolean): FlagMemory => {
  let entries = new Map<string, Entry>()
  let isKnown = false
  let revision = Option.none<number>()
  /** As it was last learnt, or kept. */
  let recorded = Option.none<Rollout>()
  let presumed: Presumption | undefined
  /** Where what is known was not learnt but kept. */
  let isRecalled = false
  let edition = 0
  let ruled = rulesOf(Option.none(), isKnown, defaultEnabled)
  /** Held while what is known is copied, or changed in place. */
  const still = Semaphore.makeUnsafe(1)

  const rollout = () => (presumed === undefined ? recorded : Option.some(presumed.rollout))
  const settle = () => {
    ruled = rulesOf(rollout(), isKnown, defaultEnabled)
  }

  /**
   * A presumption may have been kept, and nothing in what is kept tells: but on record a version never becomes an
   * earlier one while the revision does not.
   */
  const presumptionKept = (now: number, latest: Option.Option<Rollout>): Presumption | undefined => {
    const held = rollout()
    return isRecalled &&
      Option.isSome(held) &&
      Option.isSome(latest) &&
      latest.value.version < held.value.version &&
      Option.exists(revision, (then) => then <= now)
      ? { rollout: held.value, insteadOf: latest.value.version }
      : presumed
  }

  const take = Effect.fnUntraced(function* (changes: FlagChanges, loaded: Map<string, Entry>) {
    if (changes.isWhole) entries = loaded
    else {
      yield* inSlices(changes.removed, (customerId) => entries.delete(customerId))
      yield* inSlices(loaded, ([customerId, entry]) => entries.set(customerId, entry))
    }
    if (changes.rollout !== "unknown") {
      const presumption = presumptionKept(changes.revision, changes.rollout)
      const holds = Option.exists(changes.rollout, ({ version }) => version === presumption?.insteadOf)
      presumed = holds ? presumption : undefined
      recorded = changes.rollout
    }
    revision = Option.some(changes.revision)
    isKnown = true
    isRecalled = false
    edition++
    settle()
  })

  return {
    routeOf: (customerId) => entries.get(customerId)?.route ?? ruled[cohortOf(customerId)],
    isKnown: () => isKnown,
    revision: () => revision,
    rows: () => entries.size,
    rollout,
    isPresumed: () => presumed !== undefined,
    edition: () => edition,

    beEmpty: () => {
      isKnown = true
      settle()
    },
    recall: Effect.fnUntraced(function* (kept) {
      const loaded = yield* load(kept.rows.values())
      if (isKnown) return false
      entries = loaded
      revision = Option.some(kept.revision)
      recorded = kept.rollout
      isKnown = true
      isRecalled = true
      settle()
      return true
    }),
    learn: Effect.fnUntraced(function* (changes) {
      const isNews = changes.isWhole || !Option.exists(revision, (known) => known === changes.revision)
      if (!isNews) return
      const loaded = yield* load(changes.rows)
      yield* still.withPermit(take(changes, loaded))
    }),
    presume: (wanted, insteadOf) => {
      const isOf = ({ version }: Rollout) => version === insteadOf
      if (!Option.isSome(recorded) || !(isOf(recorded.value) || Option.exists(rollout(), isOf))) return false
      presumed = { rollout: wanted, insteadOf: recorded.value.version }
      edition++
      settle()
      return true
    },
    copy: still.withPermit(
      Effect.gen(function* () {
        if (Option.isNone(revision)) return Option.none()
        const rows = new Map<string, CustomerFlags>()
        const copied = { known: { revision: revision.value, rows, rollout: rollout() }, edition }
        yield* inSlices(entries, ([customerId, { row }]) => rows.set(customerId, row))
        return Option.some(copied)
      }),
    ),
  }
}

const load = Effect.fnUntraced(function* (rows: Iterable<CustomerFlags>) {
  const loaded = new Map<string, Entry>()
  yield* inSlices(rows, (row) => loaded.set(row.customerId, { row, route: routeBy(row) }))
  return loaded
})

const routeBy = ({ customerId, gatewayEnabled, middleware }: CustomerFlags): Route => ({
  to: gatewayEnabled ? "gateway" : "direct",
  because: "row",
  middleware,
  cohort: cohortOf(customerId),
})

/** What the flags come to for who has no row, by cohort. */
const rulesOf = (
  rollout: Option.Option<Rollout>,
  isKnown: boolean,
  defaultEnabled: boolean,
): Readonly<Record<Cohort, Route | undefined>> => {
  const rule = (cohort: Cohort): Route | undefined => {
    const common = { middleware: allMiddleware, cohort }
    if (Option.isSome(rollout)) {
      const isIn = percentOf[cohort] <= percent(rollout.value)
      return { to: isIn ? "gateway" : "direct", because: "cohort", ...common }
    }
    // Fails closed: nobody can say whether the policies may be passed by.
    if (!isKnown && !defaultEnabled) return undefined
    return { to: defaultEnabled ? "gateway" : "direct", because: "default", ...common }
  }
  return {
    canary_5pct: rule("canary_5pct"),
    canary_25pct: rule("canary_25pct"),
    canary_50pct: rule("canary_50pct"),
    stable_100pct: rule("stable_100pct"),
  }
}

/** So many rows at a time are no request's burden. */
const slice = 200

const inSlices = Effect.fnUntraced(function* <A>(all: Iterable<A>, each: (item: A) => void) {
  let done = 0
  for (const item of all) {
    each(item)
    if (++done % slice === 0) yield* Effect.yieldNow
  }
})
