import { Effect, Schedule } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"

/**
 * Server-sent events (WHATWG HTML 9.2): a numbered tick at once and then each second, until the client leaves. A
 * client that comes back with `Last-Event-ID` goes on with the next number.
 */
export const sendTicks = (
  request: IncomingMessage,
  response: ServerResponse,
  upstream: string,
): Effect.Effect<void> => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
  if (request.method === "HEAD") return Effect.sync(() => response.end())
  let id = idAfter(request.headersDistinct["last-event-id"]?.[0])
  const tick = Effect.sync(() => {
    response.write(`id: ${id}\nevent: tick\ndata: ${JSON.stringify({ tick: id, upstream })}\n\n`)
    id += 1
  })
  return Effect.raceFirst(Effect.repeat(tick, Schedule.spaced("1 second")), closeOf(response))
}

const idAfter = (last: string | undefined): number => {
  const seen = Number(last ?? 0)
  return Number.isSafeInteger(seen) && seen >= 0 ? seen + 1 : 1
}

const closeOf = (response: ServerResponse): Effect.Effect<void> =>
  Effect.callback((resume) => {
    response.once("close", () => resume(Effect.void))
  })
