import { Context, Effect, Layer, Option } from "effect"
import type { IncomingMessage } from "node:http"
import { ConstitutionalContext, type Identity } from "../auth/ConstitutionalContext.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { type AllowedVerdict, Ruling } from "../policy/Ruling.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import type { Exchange, ExchangeShape } from "./Exchange.ts"
import { type Ids, RequestIds } from "./RequestIds.ts"
import { asksForWebSocket } from "./Framing.ts"
import { copyPassing, listedByConnection, passesUpstream } from "./Headers.ts"
import { Problem } from "./Problems.ts"
import { bodyTooLarge, relay } from "./Relay.ts"
import type { App } from "./Stage.ts"
import { type Pinned, pinTenant } from "./TenantPinning.ts"
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
        RequestIds.use((ids, exchange) =>
          MatchedRoute.use(({ route }) => {
            const { request, answerHeaders } = exchange
            if (route.upgrade) return Effect.fail(webSocketRefusal(request))
            if (Number(request.headers["content-length"] ?? 0) > server.maxBodyBytes) {
              return Effect.fail(bodyTooLarge(server.maxBodyBytes))
            }
            const identity = ConstitutionalContext.in(exchange)
            const ruling = Ruling.in(exchange)
            const upstream = upstreamFor(upstreams, identity, ruling)
            if (upstream instanceof Problem) return Effect.fail(upstream)

            const kind = route.timeout === "none" ? "streams" : "requests"
            const send = ({ path, search, body }: Pinned) =>
              upstream.guard(kind, (heard) =>
                relay(request, exchange.response, {
                  pool: upstream[kind],
                  method: exchange.method,
                  target: path + search,
                  headers: upstreamHeaders(exchange, ids, identity, ruling, upstream, body),
                  body,
                  idleTimeout: kind === "streams" ? 0 : idleTimeout,
                  bodyLimit: server.maxBodyBytes,
                  answerHeaders,
                  heard,
                }),
              )
            const pinned = pinTenant(exchange, route, identity, server.maxBodyBytes)
            return pinned === undefined
              ? send({ path: exchange.path, search: exchange.search, body: undefined })
              : Effect.flatMap(pinned, send)
          }),
        ),
      )
    }),
  )
}

/**
 * Where the policies send it, and where there are none, whose token says trial goes to the sandbox. A trial customer's
 * request never reaches production, whatever fails and whoever says so (SPEC 5).
 */
const upstreamFor = (
  upstreams: Upstreams["Service"],
  identity: Option.Option<Identity>,
  ruling: Option.Option<AllowedVerdict>,
): Upstream | Problem => {
  const isTrial = Option.isSome(identity) && identity.value.trial
  const target = Option.isSome(ruling)
    ? ruling.value.decision.obligations.target_backend
    : isTrial
      ? "sandbox"
      : "production"
  if (target === "production") return isTrial ? misrouted : upstreams.plant
  return Option.isSome(upstreams.sandbox) ? upstreams.sandbox.value : noSandbox
}

const noSandbox = new Problem({
  slug: "service-unavailable",
  detail: "The trial sandbox is not available.",
})
const misrouted = new Problem({
  slug: "service-unavailable",
  detail: "The policies send a trial's request to production, which the gateway does not do.",
})

/**
 * The client's passing headers, then what this hop says of the request and of its caller. That is in lower case, which
 * costs less: undici looks up every name as it would be in lower case.
 */
const upstreamHeaders = (
  { request, portal, client }: ExchangeShape,
  ids: Ids,
  identity: Option.Option<Identity>,
  ruling: Option.Option<AllowedVerdict>,
  upstream: Upstream,
  body: Uint8Array | undefined,
): Array<string> => {
  const listed = listedByConnection(request.headers.connection)
  const headers = copyPassing(
    request.rawHeaders,
    body === undefined ? passesUpstream : passesWithNewBody,
    listed,
  )
  headers.push("x-gateway", "constitutional-gateway")
  if (portal !== undefined) headers.push("x-gateway-type", portal)
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
  if (body !== undefined) headers.push("content-length", String(body.byteLength))
  if (Option.isSome(identity)) {
    pushIdentity(headers, identity.value, request.headers.authorization)
    headers.push("x-target-backend", upstream.serves)
  }
  const level = Option.isSome(ruling) ? ruling.value.decision.obligations.role_level : null
  if (level !== null) headers.push("x-user-role-level", String(level))
  return headers
}

const pushIdentity = (
  headers: Array<string>,
  identity: Identity,
  authorization: string | undefined,
): void => {
  headers.push(
    "x-user-id",
    identity.userId,
    "x-user-roles",
    identity.roles.join(","),
    "x-trial-mode",
    String(identity.trial),
  )
  if (Option.isSome(identity.customerId)) headers.push("x-customer-id", identity.customerId.value)
  if (authorization !== undefined) headers.push("x-original-authorization", authorization)
}

const passesWithNewBody = (name: string): boolean =>
  passesUpstream(name) && name.toLowerCase() !== "content-length"

const webSocketRefusal = (message: IncomingMessage): Problem =>
  asksForWebSocket(message)
    ? new Problem({ slug: "service-unavailable", detail: "WebSockets are switched off on this gateway." })
    : new Problem({
        slug: "upgrade-required",
        detail: "This route is a WebSocket; connect with an upgrade.",
        headers: { upgrade: "websocket" },
      })
