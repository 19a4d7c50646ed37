import { Context, Effect, Layer, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import type { IncomingMessage } from "node:http"
import { ConstitutionalContext, type Identity } from "../auth/ConstitutionalContext.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { Exchange, type ExchangeShape } from "./Exchange.ts"
import { type Ids, RequestIds } from "./RequestIds.ts"
import { copyPassing, listedByConnection, passesUpstream } from "./Headers.ts"
import { incomingMessage, serverResponse } from "./NodeMessages.ts"
import { Problem } from "./Problems.ts"
import { bodyTooLarge, relay } from "./Relay.ts"
import type { App } from "./Stage.ts"
import { pinTenant } from "./TenantPinning.ts"
import { type Upstream, Upstreams } from "./Upstreams.ts"

/**
 * The innermost application: sends the request to its upstream (SPEC 13). A request without an identity (a public
 * route, or auth switched off) goes without identity headers.
 */
export class Proxy extends Context.Service<Proxy, App<Exchange | RequestIds | MatchedRoute>>()(
  "gateway/http/Proxy",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { server, plant } = yield* GatewayConfig
      const upstreams = yield* Upstreams
      const idleTimeout = plant.timeoutSeconds * 1000

      return Proxy.of(
        Effect.gen(function* () {
          const request = yield* HttpServerRequest.HttpServerRequest
          const exchange = yield* Exchange
          const ids = yield* RequestIds
          const { route } = yield* MatchedRoute
          const identity = yield* ConstitutionalContext.option
          const message = incomingMessage(request)

          if (route.upgrade) return yield* webSocketRefusal(message)
          if (route.answeredBy === "gateway") return yield* notAnswered
          if (Number(message.headers["content-length"] ?? 0) > server.maxBodyBytes) {
            return yield* bodyTooLarge(server.maxBodyBytes)
          }
          const { pool } = yield* upstreamFor(upstreams, identity)
          const pinned = yield* pinTenant(identity, server.maxBodyBytes)
          return yield* relay(message, serverResponse(request), {
            pool,
            method: request.method,
            target: pinned.path + pinned.search,
            headers: upstreamHeaders(message, exchange, ids, identity, pinned.body),
            body: pinned.body,
            idleTimeout: route.timeout === "none" ? 0 : idleTimeout,
            bodyLimit: server.maxBodyBytes,
            answerHeaders: exchange.answerHeaders,
          })
        }),
      )
    }),
  )
}

/** A trial customer's request never reaches production, whatever fails (SPEC 5). */
const upstreamFor = (
  upstreams: Upstreams["Service"],
  identity: Option.Option<Identity>,
): Effect.Effect<Upstream, Problem> => {
  if (Option.isNone(identity) || !identity.value.trial) return Effect.succeed(upstreams.plant)
  return Option.isSome(upstreams.sandbox)
    ? Effect.succeed(upstreams.sandbox.value)
    : Effect.fail(new Problem({ slug: "service-unavailable", detail: "The trial sandbox is not available." }))
}

/** The client's passing headers, then what this hop says of the request and of its caller. */
const upstreamHeaders = (
  message: IncomingMessage,
  exchange: ExchangeShape,
  ids: Ids,
  identity: Option.Option<Identity>,
  body: Uint8Array | undefined,
): Array<string> => {
  const listed = listedByConnection(message.headers.connection)
  const headers = copyPassing(
    message.rawHeaders,
    body === undefined ? passesUpstream : passesWithNewBody,
    listed,
  )
  const { client } = exchange
  headers.push("X-Gateway", "constitutional-gateway")
  if (exchange.portal !== undefined) headers.push("X-Gateway-Type", exchange.portal)
  headers.push(
    "X-Correlation-ID",
    ids.correlationId,
    "X-Causation-ID",
    ids.causationId,
    "X-Request-ID",
    ids.requestId,
    "X-Forwarded-For",
    client.forwardedFor,
    "X-Forwarded-Proto",
    client.protocol,
    "X-Forwarded-Host",
    client.host,
    "traceparent",
    ids.traceparent,
  )
  if (body !== undefined) headers.push("Content-Length", String(body.byteLength))
  if (Option.isSome(identity)) pushIdentity(headers, identity.value, message.headers.authorization)
  return headers
}

const pushIdentity = (
  headers: Array<string>,
  identity: Identity,
  authorization: string | undefined,
): void => {
  headers.push(
    "X-User-Id",
    identity.userId,
    "X-User-Roles",
    identity.roles.join(","),
    "X-Trial-Mode",
    String(identity.trial),
    "X-Target-Backend",
    identity.trial ? "sandbox" : "production",
  )
  if (Option.isSome(identity.customerId)) headers.push("X-Customer-ID", identity.customerId.value)
  if (authorization !== undefined) headers.push("X-Original-Authorization", authorization)
}

const passesWithNewBody = (name: string): boolean =>
  passesUpstream(name) && name.toLowerCase() !== "content-length"

const webSocketRefusal = (message: IncomingMessage): Problem =>
  message.headers.upgrade === undefined
    ? new Problem({
        slug: "upgrade-required",
        detail: "This route is a WebSocket; connect with an upgrade.",
        headers: { upgrade: "websocket" },
      })
    : new Problem({ slug: "service-unavailable", detail: "WebSockets are switched off on this gateway." })

const notAnswered = new Problem({
  slug: "not-found",
  detail: "This version of the gateway does not answer this route.",
})
