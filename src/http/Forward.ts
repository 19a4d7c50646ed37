import { Clock, Effect, Option } from "effect"
import type { IncomingMessage } from "node:http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { AnswerHead } from "./AnswerHead.ts"
import type { ExchangeShape } from "./Exchange.ts"
import { asksForWebSocket } from "./Framing.ts"
import { copyPassing, listedByConnection, passesUpstream } from "./Headers.ts"
import { Problem } from "./Problems.ts"
import { bodyTooLarge, relay } from "./Relay.ts"
import type { Ids } from "./RequestIds.ts"
import type { Route } from "./Routes.ts"
import type { Response } from "./Stage.ts"
import type { Upstream } from "./Upstreams.ts"

/** What goes to an upstream; the method is the client's. */
export interface Onward {
  /** Path and query, byte for byte. */
  readonly target: string
  /** Flat list of names and values. */
  readonly headers: Array<string>
  /** Undefined: the client's own body streams through. */
  readonly body: Uint8Array | undefined
}

/** How every proxy sends a request on, wherever to (SPEC 13). Made once, at start. */
export const makeForward = Effect.gen(function* () {
  const { server, plant } = yield* GatewayConfig
  const clock = yield* Clock.Clock
  const idleTimeout = plant.timeoutSeconds * 1000

  return {
    /** Why the request cannot be sent to any upstream; undefined when it can. */
    refusalOf: ({ request }: ExchangeShape, { upgrade }: Route): Problem | undefined => {
      if (upgrade) return webSocketRefusal(request)
      return Number(request.headers["content-length"] ?? 0) > server.maxBodyBytes
        ? bodyTooLarge(server.maxBodyBytes)
        : undefined
    },

    send: (
      exchange: ExchangeShape,
      { timeout }: Route,
      upstream: Upstream,
      { target, headers, body }: Onward,
    ): Effect.Effect<Response, Problem> => {
      const { request, response, method, answerHeaders } = exchange
      const kind = timeout === "none" ? "streams" : "requests"
      const head = AnswerHead.in(exchange)
      return upstream.guard(kind, (heard) =>
        relay(request, response, {
          pool: upstream[kind],
          method,
          target,
          headers,
          body,
          idleTimeout: kind === "streams" ? 0 : idleTimeout,
          bodyLimit: server.maxBodyBytes,
          answerHeaders,
          heard: Option.isNone(head)
            ? heard
            : (status) => {
                head.value.at = clock.monotonicTimeNanosUnsafe()
                heard(status)
              },
        }),
      )
    },
  }
})

/**
 * The client's headers that pass, then what this hop says of the request. That is in lower case, which costs less:
 * undici looks up every name as it would be in lower case.
 */
export const forwardedHeaders = (
  { request, client }: ExchangeShape,
  ids: Ids,
  passes: (name: string) => boolean = passesUpstream,
): Array<string> => {
  const headers = copyPassing(request.rawHeaders, passes, listedByConnection(request.headers.connection))
  headers.push(
    "x-correlation-id",
    ids.correlationId,
    "x-causation-id",
    ids.causationId,
    "x-request-id",
    ids.requestId,
    "x-forwarded-for",
    client.forwardedFor,
    "x-forwarded-proto",
    client.protocol,
    "x-forwarded-host",
    client.host,
    "traceparent",
    ids.traceparent,
  )
  return headers
}

const webSocketRefusal = (message: IncomingMessage): Problem =>
  asksForWebSocket(message)
    ? new Problem({ slug: "service-unavailable", detail: "WebSockets are switched off on this gateway." })
    : new Problem({
        slug: "upgrade-required",
        detail: "This route is a WebSocket; connect with an upgrade.",
        headers: { upgrade: "websocket" },
      })
