import type { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { closeGently } from "./CloseGently.ts"
import { hasBody } from "./RequestBody.ts"

/**
 * What becomes of a body that nobody has read by the time its request is answered: up to 256 KiB are read and thrown
 * away, so that the connection can serve the next request; with more to come the connection is closed, and such that
 * the client can still read its answer.
 *
 * Node alone would read a body to its end however long it is, leave one of which it has read a part on a connection
 * that looks alive, and answer a closing connection with a reset that overtakes the answer.
 */
export const leaveUnreadBody = (
  request: IncomingMessage,
  response: ServerResponse,
  run: (effect: Effect.Effect<void>) => void,
): void => {
  // First, because Node's own listener does as described above.
  if (hasBody(request)) response.prependListener("finish", () => partFrom(request, response, run))
}

/** Whether an answer, by value, to this request should say that it is the last on its connection. */
export const closesConnection = ({ complete, headers }: IncomingMessage): boolean =>
  !complete &&
  // A client that has not been asked for its body may send it or not: what follows has two readings.
  (headers.expect !== undefined || Number(headers["content-length"] ?? 0) > mostThrownAway)

/** Bytes. */
const mostThrownAway = 256 * 1024

/** Node's own, read by the listener of its that runs right after ours: not in its types, as old as Node itself. */
interface Internals {
  /** Of a response: whether it is the last on its connection; then Node destroys the socket. */
  _last: boolean
  /** Of a request: whether somebody reads the body; if not, Node reads it to its end. */
  _consuming: boolean
}

const partFrom = (
  // Node's classes have these fields.
  request: IncomingMessage & Partial<Internals>,
  response: ServerResponse & Partial<Internals>,
  run: (effect: Effect.Effect<void>) => void,
): void => {
  if (request.complete || request.destroyed) return
  const { socket } = request
  if (response._last === true) {
    request._consuming = true
    response._last = false
    run(closeGently(socket))
    return
  }
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= mostThrownAway) return
    // Paused it gives no more chunks, so this runs once.
    request.pause()
    run(closeGently(socket))
  })
  request.resume()
}
