import { Fact } from "./Fact.ts"

/** The names of one request in logs, answers and upstream (SPEC 13). */
export interface Ids {
  /** Shared by everything one user action causes; taken from the client when it is well formed. */
  readonly correlationId: string
  /** New for each hop: what the upstream does is caused by this. */
  readonly causationId: string
  readonly requestId: string
  /** W3C trace context to send upstream. */
  readonly traceparent: string
}

/** Established by `Correlation`. */
export interface RequestIds {
  readonly _: unique symbol
}
export const RequestIds = new Fact<RequestIds, Ids>("gateway/http/RequestIds")
