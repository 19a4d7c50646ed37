import { Context, Effect, Layer, Option } from "effect"
import { ConstitutionalContext, type Identity } from "../auth/ConstitutionalContext.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { type AllowedVerdict, Ruling } from "../policy/Ruling.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import type { Exchange, ExchangeShape } from "./Exchange.ts"
import { type Ids, RequestIds } from "./RequestIds.ts"
import { forwardedHeaders, makeForward } from "./Forward.ts"
import { passesUpstream } from "./Headers.ts"
import { Problem } from "./Problems.ts"
import type { App } from "./Stage.ts"
import { type Pinned, pinTenant } from "./TenantPinning.ts"
import { type Backend, Upstreams } from "./Upstreams.ts"

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
      const { maxBodyBytes } = (yield* GatewayConfig).server
      const upstreams = yield* Upstreams
      const { refusalOf, send } = yield* makeForward

      return Proxy.of(
        RequestIds.use((ids, exchange) =>
          MatchedRoute.use(({ route }) => {
            const refusal = refusalOf(exchange, route)
            if (refusal !== undefined) return Effect.fail(refusal)
            const identity = ConstitutionalContext.in(exchange)
            const ruling = Ruling.in(exchange)
            const upstream = upstreamFor(upstreams, identity, ruling)
            if (upstream instanceof Problem) return Effect.fail(upstream)

            const sendPinned = ({ path, search, body }: Pinned) =>
              send(exchange, route, upstream, {
                target: path + search,
                headers: upstreamHeaders(exchange, ids, identity, ruling, upstream, body),
                body,
              })
            const pinned = pinTenant(exchange, route, identity, maxBodyBytes)
            return pinned === undefined
              ? sendPinned({ path: exchange.path, search: exchange.search, body: undefined })
              : Effect.flatMap(pinned, sendPinned)
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
): Backend | Problem => {
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

/** What goes on of the client's headers, then who forwards it, and for whom. */
const upstreamHeaders = (
  exchange: ExchangeShape,
  ids: Ids,
  identity: Option.Option<Identity>,
  ruling: Option.Option<AllowedVerdict>,
  { serves }: Backend,
  body: Uint8Array | undefined,
): Array<string> => {
  const headers = forwardedHeaders(exchange, ids, body === undefined ? passesUpstream : passesWithNewBody)
  headers.push("x-gateway", "constitutional-gateway")
  if (exchange.portal !== undefined) headers.push("x-gateway-type", exchange.portal)
  if (body !== undefined) headers.push("content-length", String(body.byteLength))
  if (Option.isSome(identity)) {
    pushIdentity(headers, identity.value, exchange.request.headers.authorization)
    headers.push("x-target-backend", serves)
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
