import { Effect, Option } from "effect"
import type { FlagsUnavailable } from "../flags/FlagFeed.ts"
import { Problem } from "../http/Problems.ts"
import { UpstreamUrls } from "../http/Upstreams.ts"

export const conflict = (detail: string, extensions: Readonly<Record<string, unknown>> = {}): Problem =>
  new Problem({ slug: "conflict", detail, extensions })

export const flagsAway = (cause: FlagsUnavailable): Problem =>
  new Problem({
    slug: "service-unavailable",
    detail: "The database of the flags is away, so this can be neither read nor changed now.",
    headers: { "retry-after": "1" },
    cause,
  })

/** Refuses, with `conflict`, what would send customers to a direct integration that this gateway does not have. */
export const needsDirect = Effect.map(UpstreamUrls, ({ direct }): Effect.Effect<void, Problem> =>
  Option.isSome(direct)
    ? Effect.void
    : Effect.fail(
        conflict(
          "This gateway has no direct integration (PLANT_DIRECT_URL), so it would answer every request of the customers it sends there with 503.",
        ),
      ),
)
