import { Context, Effect, Layer, type Option } from "effect"
import type { CustomerFlags, Middleware } from "./CustomerFlags.ts"
import { type FlagsUnavailable, noDatabase } from "./FlagFeed.ts"

/** What a row is to say. */
export interface WantedFlags {
  readonly gatewayEnabled: boolean
  readonly middleware: Middleware
  readonly rolloutCohort: Option.Option<string>
}

/** Who changes a row and why, for the history. */
export interface FlagChange {
  readonly customerId: string
  /** None removes the row, and the customer follows the cohort rule again. */
  readonly wanted: Option.Option<WantedFlags>
  /**
   * The version of the row that is to be replaced; none where there is to be no row yet; `any` replaces whatever is
   * there.
   */
  readonly expected: Option.Option<string> | "any"
  readonly by: string
  readonly reason: string
}

/** `conflict`: the row is not what was expected, and nothing changed. */
export type FlagOutcome =
  | { readonly _tag: "changed"; readonly row: Option.Option<CustomerFlags> }
  | { readonly _tag: "conflict"; readonly row: Option.Option<CustomerFlags> }

/** One change of one row, whoever made it: also one made by hand in SQL. */
export interface FlagHistory {
  readonly customerId: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly by: string
  /** None for a change by hand that gave none. */
  readonly reason: Option.Option<string>
  /** None: there was no row. */
  readonly before: Option.Option<WantedFlags>
  /** None: the row was removed. */
  readonly after: Option.Option<WantedFlags>
}

/** `gateway_feature_flags` as operators read and change it (SPEC 11). */
export class FlagStore extends Context.Service<
  FlagStore,
  {
    readonly find: (customerId: string) => Effect.Effect<Option.Option<CustomerFlags>, FlagsUnavailable>
    /** In the order of the customers' ids (by code point), those after `after`, `limit` at most. */
    readonly list: (page: {
      readonly after: Option.Option<string>
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<CustomerFlags>, FlagsUnavailable>
    /** Of several who change the same version at once, one wins. */
    readonly write: (change: FlagChange) => Effect.Effect<FlagOutcome, FlagsUnavailable>
    /** The newest first; of one customer, or of all. */
    readonly history: (page: {
      readonly customerId: Option.Option<string>
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<FlagHistory>, FlagsUnavailable>
  }
>()("gateway/flags/FlagStore") {
  /** Where no database is named. */
  static readonly layerOff = Layer.succeed(this, {
    find: () => Effect.fail(noDatabase),
    list: () => Effect.fail(noDatabase),
    write: () => Effect.fail(noDatabase),
    history: () => Effect.fail(noDatabase),
  })
}
