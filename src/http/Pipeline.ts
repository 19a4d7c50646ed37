import { Effect, Option } from "effect"
import { AuthStage } from "../auth/AuthStage.ts"
import type { Middleware } from "../flags/CustomerFlags.ts"
import { CustomerFlagsStage } from "../flags/CustomerFlagsStage.ts"
import { Enrolment, passes } from "../flags/Enrolment.ts"
import { PolicyStage } from "../policy/PolicyStage.ts"
import { RbacStage } from "../rbac/RbacStage.ts"
import { AdmissionStage } from "./Admission.ts"
import { CanonicalPath } from "./CanonicalPath.ts"
import { CorrelationStage } from "./Correlation.ts"
import { CorsStage } from "./Cors.ts"
import { ErrorsStage } from "./Errors.ts"
import type { Exchange } from "./Exchange.ts"
import type { MatchedRoute } from "./MatchedRoute.ts"
import type { RequestIds } from "./RequestIds.ts"
import { MeasureStage } from "./Measure.ts"
import { RateLimitStage } from "./RateLimit.ts"
import { makeSpans } from "./Spans.ts"
import type { App, Application, Stage } from "./Stage.ts"

/** What the stages have found out about a request by the time it is answered. */
export type Known = Exchange | RequestIds | MatchedRoute

/** What stands inside all stages. */
export interface Endpoints {
  /** Answers what has passed them. */
  readonly gateway: App<Known>
  /** Answers customers who are not enrolled; none where there is no direct integration. */
  readonly direct: Option.Option<App<Known>>
}

/**
 * The order of the layers, in one expression, outermost first (SPEC 2). The types hold it: a stage that reads what
 * another provides cannot be moved outside it.
 */
export const makePipeline = Effect.gen(function* () {
  const spans = yield* makeSpans
  const read = yield* CanonicalPath
  const correlation = yield* CorrelationStage
  const measure = spans.stage("measure", yield* MeasureStage)
  const errors = spans.stage("errors", yield* ErrorsStage)
  const cors = spans.stage("cors", yield* CorsStage)
  const admission = spans.stage("admission", yield* AdmissionStage)
  const rateLimit = spans.stage("rate-limit", yield* RateLimitStage)
  const auth = spans.stage("auth", yield* AuthStage)
  const customerFlags = spans.stage("customer-flags", yield* CustomerFlagsStage)
  const rbac = narrowed("rbac", spans.stage("rbac", yield* RbacStage))
  const policy = narrowed("policy", spans.stage("policy", yield* PolicyStage))

  return (endpoints: Endpoints): Application => {
    const inner = spans.application("endpoint", endpoints.gateway)
    const direct = Option.map(endpoints.direct, (app) => spans.application("direct", app))
    const signedIn = customerFlags({ direct, gateway: rbac(policy(inner)) })
    const decided = cors(admission(rateLimit(auth({ anonymous: inner, signedIn }))))
    // What is interrupted, because the client has gone or the server stops, is still answered, counted and recorded.
    return { read, answer: spans.request(correlation(measure(errors(Effect.interruptible(decided))))) }
  }
})

/** The stage for the requests of whose customer no row has it off (SPEC 11); the others pass it by. */
const narrowed =
  <Needs>(layer: keyof Middleware, stage: Stage<never, Needs>): Stage<never, Needs | Enrolment | Exchange> =>
  (app) => {
    const guarded = stage(app)
    return Enrolment.use((enrolment) => (passes(enrolment, layer) ? guarded : app))
  }
