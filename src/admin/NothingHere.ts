import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { randomUUID } from "node:crypto"
import { Problem, problemDocument } from "../http/Problems.ts"

const nothingHere = new Problem({
  slug: "not-found",
  detail: "There is no such route on the operators' side.",
})

/** Answers on the operators' side what no other route does, with a problem document as everywhere (SPEC 10). */
export const layer = HttpRouter.add("*", "/*", ({ headers, url }) =>
  Effect.sync(() => {
    const correlationId = randomUUID()
    const document = problemDocument(nothingHere, {
      accept: headers["accept"],
      instance: url.split("?", 1).join(),
      correlationId,
      revealCause: false,
    })
    return HttpServerResponse.text(document.body, {
      status: nothingHere.status,
      contentType: document.contentType,
      headers: { ...document.headers, "x-correlation-id": correlationId },
    })
  }),
)
