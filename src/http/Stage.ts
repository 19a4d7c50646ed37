import type { Effect, Scope } from "effect"
import type { HttpServerRequest, HttpServerResponse } from "effect/http"
import type { Problem } from "./Problems.ts"

export type Response = HttpServerResponse.HttpServerResponse
export type Request = HttpServerRequest.HttpServerRequest

/** An application: what answers one request. `R` names what an outer stage must have provided. */
export type App<R = never> = Effect.Effect<Response, Problem, R | Request | Scope.Scope>

/**
 * A middleware: it wraps an application. `Provides` is taken off the inner application's needs, `Needs` is
 * added; so an application that reads `ConstitutionalContext` cannot be composed outside `Auth`.
 */
export interface Stage<Provides = never, Needs = never> {
  <R>(app: App<R>): App<Exclude<R, Provides> | Needs>
}
