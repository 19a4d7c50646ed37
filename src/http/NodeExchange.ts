import type { IncomingMessage, ServerResponse } from "node:http"
import type { PortalId } from "../portals/Portal.ts"
import type { Client, ExchangeShape } from "./Exchange.ts"
import type { Problem } from "./Problems.ts"
import type { Match } from "./Routes.ts"

/** An exchange over Node's messages. A class, because one is made for every request: its shape never changes. */
export class NodeExchange implements ExchangeShape {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly portal: PortalId | undefined
  readonly path: string
  readonly search: string
  readonly match: Match | Problem
  readonly client: Client
  readonly answerHeaders = new Map<string, string>()
  readonly facts = new Map<object, unknown>()

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    client: Client,
    portal: PortalId | undefined,
    path: string,
    search: string,
    match: Match | Problem,
  ) {
    this.request = request
    this.response = response
    this.client = client
    this.portal = portal
    this.path = path
    this.search = search
    this.match = match
  }

  get method(): string {
    return methodOf(this.request)
  }

  get requestedPath(): string {
    return pathOf(this.request.url)
  }
}

/** Node always sets the method of a server's request. */
export const methodOf = (request: IncomingMessage): string => request.method as string

/** A raw request target without its query. */
export const pathOf = (url = ""): string => {
  const query = url.indexOf("?")
  return query === -1 ? url : url.slice(0, query)
}
