import { Context, Effect, Layer, Metric, Option } from "effect"
import { ConstitutionalContext } from "../auth/ConstitutionalContext.ts"
import { Exchange } from "../http/Exchange.ts"
import { MatchedRoute } from "../http/MatchedRoute.ts"
import { Problem } from "../http/Problems.ts"
import type { RequestIds } from "../http/RequestIds.ts"
import type { App } from "../http/Stage.ts"
import { makeTally } from "../primitives/Tally.ts"
import { makeBypass } from "./Bypass.ts"
import { Enrolment } from "./Enrolment.ts"
import { FeatureFlags } from "./FeatureFlags.ts"
import { makeSampling } from "./Sampling.ts"

/** Where the signed-in chain forks: to the direct integration, or through the inner layers. */
export interface Fork {
  <R>(branches: Branches<R>): App<R | Exchange | ConstitutionalContext | MatchedRoute | RequestIds>
}
/** What stands inside, on either side of the fork. */
export interface Branches<R> {
  /** None where there is no direct integration. */
  readonly direct: Option.Option<App<R>>
  readonly gateway: App<R | Enrolment>
}

/**
 * Sends each customer's requests the way that the flags say (SPEC 11), and establishes `Enrolment`. The flags speak of
 * customers and of Plant: staff who belong to no customer, and the gateway's own routes, always have everything.
 *
 * Fails with `service-unavailable` where nobody knows the way, and where it leads to a direct integration that there
 * is not.
 */
export class CustomerFlagsStage extends Context.Service<CustomerFlagsStage, Fork>()(
  "gateway/flags/CustomerFlagsStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { routeOf } = yield* FeatureFlags
      const bypass = yield* makeBypass
      const refuseUnknown = refuse(unknown, yield* makeTally(refused, { reason: "unknown" }))
      const refuseNoDirect = refuse(noDirect, yield* makeTally(refused, { reason: "no-direct" }))
      const sampling = yield* makeSampling

      return CustomerFlagsStage.of(<R>({ direct, gateway }: Branches<R>) =>
        ConstitutionalContext.use((identity, exchange) =>
          MatchedRoute.use((match): App<R | RequestIds | Exchange> => {
            if (match.route.answeredBy === "gateway" || Option.isNone(identity.customerId)) {
              return Enrolment.provide(exchange, "all")(gateway)
            }
            const way = routeOf(identity.customerId.value)
            if (way === undefined) return refuseUnknown
            if (way.to === "gateway") {
              const enrolled = Enrolment.provide(exchange, way)(gateway)
              // A trial's answers come from the sandbox, and say nothing of what the rollout leads to.
              return identity.trial ? enrolled : sampling("canary", way, match.route, exchange, enrolled)
            }
            // No request of a trial ever reaches production (SPEC 5), and the direct integration is production.
            if (identity.trial) return Enrolment.provide(exchange, "all")(gateway)
            if (Option.isNone(direct)) return refuseNoDirect
            const bypassed = bypass(exchange, match, identity, way, direct.value)
            return sampling("control", way, match.route, exchange, bypassed)
          }),
        ),
      )
    }),
  )

  /** Everybody goes through the gateway, and has everything. */
  static readonly layerOff = Layer.succeed(this, ({ gateway }) =>
    Exchange.use((exchange) => Enrolment.provide(exchange, "all")(gateway)),
  )
}

const refuse = (problem: Problem, count: () => void): App =>
  Effect.suspend(() => {
    count()
    return Effect.fail(problem)
  })

const unknown = new Problem({
  slug: "service-unavailable",
  detail: "Which way this customer's requests go is not known at the moment.",
  headers: { "retry-after": "1" },
})
const noDirect = new Problem({
  slug: "service-unavailable",
  detail: "This customer's requests go to the direct integration, and this gateway is not told where it is.",
})

const refused = Metric.counter("gateway_flags_refused_total", {
  description:
    "Requests refused because nobody knew which way they go, or because there is no direct integration",
  incremental: true,
})
