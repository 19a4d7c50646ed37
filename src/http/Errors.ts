import { Cause, Context, Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { isClientAbort } from "./ClientAbort.ts"
import { Exchange } from "./Exchange.ts"
import { RequestIds } from "./RequestIds.ts"
import { Problem, problemDocument } from "./Problems.ts"
import type { Response, Stage } from "./Stage.ts"

/**
 * Turns every failure inside it into an RFC 9457 answer (SPEC 10): the one place where a failure becomes HTTP.
 * Off: failures leave with their bare status, as `Problem` says of itself.
 */
export class ErrorsStage extends Context.Service<ErrorsStage, Stage<never, Exchange | RequestIds>>()(
  "gateway/http/ErrorsStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { environment } = yield* GatewayConfig
      const revealCause = environment === "development"

      const written = Effect.fnUntraced(function* (problem: Problem) {
        const { request, requestedPath } = yield* Exchange
        const { correlationId } = yield* RequestIds
        return problemResponse(problem, request.headers.accept, requestedPath, correlationId, revealCause)
      })

      return ErrorsStage.of((app) =>
        Effect.catchCause(
          app,
          Effect.fnUntraced(function* (cause: Cause.Cause<Problem>) {
            // Nobody is there to read an answer.
            if (isClientAbort(cause)) return yield* Effect.failCause(cause)
            if (Cause.hasInterruptsOnly(cause)) return yield* written(stopping)
            const problem = problemOf(cause)
            if (problem.status >= 500) yield* report(problem)
            return yield* written(problem)
          }),
        ),
      )
    }),
  )
  static readonly layerOff = Layer.succeed(this, (app) => app)
}

/** A defect is our fault; what it says stays inside. */
const problemOf = (cause: Cause.Cause<Problem>): Problem => {
  const failure = cause.reasons.find(Cause.isFailReason)
  return failure !== undefined
    ? failure.error
    : new Problem({
        slug: "internal-server-error",
        detail: "The gateway failed while it handled the request.",
        cause: Cause.squash(cause),
      })
}

const stopping = new Problem({
  slug: "service-unavailable",
  detail: "The gateway is stopping and can wait for this request no longer. Repeat it.",
  headers: { "retry-after": "1" },
})

/** For the operator: with the stack that the caller never sees. */
const report = ({ cause, message }: Problem) =>
  cause === undefined ? Effect.logError(message) : Effect.logError(message, Cause.die(cause))

const problemResponse = (
  problem: Problem,
  accept: string | undefined,
  instance: string,
  correlationId: string,
  revealCause: boolean,
): Response => {
  const { body, contentType, headers } = problemDocument(problem, {
    accept,
    instance,
    correlationId,
    revealCause,
  })
  return HttpServerResponse.text(body, { status: problem.status, contentType, headers })
}
