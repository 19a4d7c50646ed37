import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { randomUUID } from "node:crypto"
import { type Problem, problemDocument } from "../http/Problems.ts"

/** A problem as the operators' side answers it, where no stage gives requests their names (SPEC 10). */
export const problemResponse = (
  problem: Problem,
  { headers, url }: HttpServerRequest.HttpServerRequest,
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.sync(() => {
    const correlationId = randomUUID()
    const document = problemDocument(problem, {
      accept: headers["accept"],
      instance: url.split("?", 1).join(),
      correlationId,
      revealCause: false,
    })
    return HttpServerResponse.text(document.body, {
      status: problem.status,
      contentType: document.contentType,
      headers: { ...document.headers, "x-correlation-id": correlationId },
    })
  })
