import { Context } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { PortalId } from "../portals/Portal.ts"
import type { Problem } from "./Problems.ts"
import type { Match } from "./Routes.ts"

/**
 * One request and its answer, as every stage inside `CanonicalPath` sees it.
 *
 * `path`, `search` and `match` are the one reading of the request target; no stage reads the URL again.
 */
export interface ExchangeShape {
  /** Node's own request: raw headers, socket, body. */
  readonly request: IncomingMessage
  /** Node's own response; only the relay writes to it, stages answer with values. */
  readonly response: ServerResponse
  /** The portal it came through; undefined for what belongs to none (health, or no portal by that name). */
  readonly portal: PortalId | undefined
  readonly method: string
  /** The path as the client sent it, prefix and all: what problem documents call the instance. */
  readonly requestedPath: string
  /** The canonical path without the portal's prefix: the very bytes that go upstream. */
  readonly path: string
  /** The query with its `?`, or empty: the very bytes the client sent. */
  readonly search: string
  /** The route, or why there is none; `Admission` raises the refusal once it can be answered properly. */
  readonly match: Match | Problem
  /** The client as the trusted-proxy rules see it. */
  readonly client: Client
  /** Headers that the answer carries, whoever writes it. Names in lower case. */
  readonly answerHeaders: Map<string, string>
  /** What stages have established; read and written through `Fact` only. */
  readonly facts: Map<object, unknown>
}
export class Exchange extends Context.Service<Exchange, ExchangeShape>()("gateway/http/Exchange") {}

/** Where a request came from. Forwarded headers count only when the peer is one of `TRUSTED_PROXIES`. */
export interface Client {
  /** IP address without port. */
  readonly address: string
  readonly protocol: "http" | "https"
  /** Host name with its port, as the client addressed it. */
  readonly host: string
  /** The X-Forwarded-For list to send on, this hop's peer included. */
  readonly forwardedFor: string
}
