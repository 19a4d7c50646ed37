import type { IncomingMessage, ServerResponse } from "node:http"
import type { PortalId } from "../portals/Portal.ts"
import type { Client, ExchangeShape } from "./Exchange.ts"
import { serverResponse } from "./NodeMessages.ts"
import type { Problem } from "./Problems.ts"
import type { Match } from "./Routes.ts"
import type { Request } from "./Stage.ts"

/** An exchange over Node's messages. A class, because one is made for every request: its shape never changes. */
export class NodeExchange implements ExchangeShape {
  readonly request: IncomingMessage
  readonly portal: PortalId | undefined
  readonly method: string
  readonly path: string
  readonly search: string
  readonly match: Match | Problem
  readonly client: Client
  readonly answerHeaders = new Map<string, string>()
  readonly facts = new Map<object, unknown>()
  readonly #seen: Request

  constructor(
    seen: Request,
    request: IncomingMessage,
    client: Client,
    portal: PortalId | undefined,
    path: string,
    search: string,
    match: Match | Problem,
  ) {
    this.#seen = seen
    this.request = request
    this.client = client
    this.portal = portal
    this.method = seen.method
    this.path = path
    this.search = search
    this.match = match
  }

  /** Asked for late: an upgrade has a response only once it is refused. */
  get response(): ServerResponse {
    return serverResponse(this.#seen)
  }

  get requestedPath(): string {
    return pathOf(this.request.url)
  }
}

/** A raw request target without its query. */
export const pathOf = (url = ""): string => {
  const query = url.indexOf("?")
  return query === -1 ? url : url.slice(0, query)
}
