import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Request } from "./Stage.ts"

/** Node's own request behind an Effect one: raw headers, socket, body stream. */
export const incomingMessage = (request: Request): IncomingMessage =>
  // `Server` makes HTTP/1.1 servers only, so it is never an Http2ServerRequest.
  NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage

/** Node's own response behind an Effect request. */
export const serverResponse = (request: Request): ServerResponse =>
  // As above.
  NodeHttpServerRequest.toServerResponse(request) as ServerResponse
