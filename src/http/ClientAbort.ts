import { Cause } from "effect"
import { HttpServerError } from "effect/http"

/** Whether a request ended because its client went away; an interruption without it is the server's, which stops. */
export const isClientAbort = (cause: Cause.Cause<unknown>): boolean =>
  Cause.hasInterruptsOnly(cause) &&
  cause.reasons.some(({ annotations }) => annotations.has(HttpServerError.ClientAbort.key))
