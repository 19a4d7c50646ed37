import { Cause, Exit } from "effect"
import type { ServerResponse } from "node:http"
import { isClientAbort } from "./ClientAbort.ts"
import type { Problem } from "./Problems.ts"
import { answered } from "./Relay.ts"
import type { Response } from "./Stage.ts"

/** With which status a request ends, whoever answers it; 499 is a client that went away. */
export const statusOf = (exit: Exit.Exit<Response, Problem>, response: ServerResponse): number => {
  if (Exit.isSuccess(exit)) {
    return exit.value === answered ? response.statusCode : exit.value.status
  }
  if (isClientAbort(exit.cause)) return 499
  if (Cause.hasInterruptsOnly(exit.cause)) return 503
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure?.error.status ?? 500
}
