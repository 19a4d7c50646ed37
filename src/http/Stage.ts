import type { Effect } from "effect"
import type { HttpServerResponse } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Exchange, ExchangeShape } from "./Exchange.ts"
import type { Problem } from "./Problems.ts"

export type Response = HttpServerResponse.HttpServerResponse

/** An application: what answers one request. `R` names what an outer stage must have provided. */
export type App<R = never> = Effect.Effect<Response, Problem, R>

/**
 * A middleware: it wraps an application. `Provides` is taken off the inner application's needs, `Needs` is
 * added; so an application that reads `ConstitutionalContext` cannot be composed outside `Auth`.
 */
export interface Stage<Provides = never, Needs = never> {
  <R>(app: App<R>): App<Exclude<R, Provides> | Needs>
}

/** What a listener does with each request. */
export interface Application {
  /** Makes the exchange of Node's messages: the one reading of the request. */
  readonly read: (request: IncomingMessage, response: ServerResponse) => ExchangeShape
  /** Answers it. It runs uninterruptibly, but for what makes itself interruptible. */
  readonly answer: App<Exchange>
}
