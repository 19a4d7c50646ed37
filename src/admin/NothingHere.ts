import { HttpRouter } from "effect/http"
import { Problem } from "../http/Problems.ts"
import { problemResponse } from "./ProblemResponse.ts"

const nothingHere = new Problem({
  slug: "not-found",
  detail: "There is no such route on the operators' side.",
})

/** Answers on the operators' side what no other route does, with a problem document as everywhere (SPEC 10). */
export const layer = HttpRouter.add("*", "/*", (request) => problemResponse(nothingHere, request))
