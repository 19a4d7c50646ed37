import { Effect } from "effect"
import { AuthStage } from "../auth/AuthStage.ts"
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
import type { App, Application } from "./Stage.ts"

/** What the stages have found out about a request by the time it is answered. */
export type Known = Exchange | RequestIds | MatchedRoute

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
  const rbac = spans.stage("rbac", yield* RbacStage)
  const policy = spans.stage("policy", yield* PolicyStage)

  return (endpoint: App<Known>): Application => {
    const inner = spans.endpoint(endpoint)
    const decided = cors(admission(rateLimit(auth({ anonymous: inner, signedIn: rbac(policy(inner)) }))))
    // What is interrupted, because the client has gone or the server stops, is still answered, counted and recorded.
    return { read, answer: spans.request(correlation(measure(errors(Effect.interruptible(decided))))) }
  }
})
