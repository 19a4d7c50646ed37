import { ByteSize, Effect, Option, Stream } from "effect"
import { HttpServerRequest } from "effect/http"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { Exchange } from "./Exchange.ts"
import { Problem } from "./Problems.ts"
import { bodyTooLarge } from "./Relay.ts"
import { pinBody, pinPath, pinQuery } from "./TenantPin.ts"

/** What goes upstream after pinning; `body` only where it was rewritten. */
export interface Pinned {
  readonly path: string
  readonly search: string
  readonly body: Uint8Array | undefined
}

/**
 * Overwrites the customer that a pinned route names with the token's own (SPEC 13), so that nobody reads or writes
 * another customer's data by naming it. Staff belong to no customer and name any.
 */
export const pinTenant = Effect.fnUntraced(function* (identity: Option.Option<Identity>, bodyLimit: number) {
  const { path, search } = yield* Exchange
  const { route } = yield* MatchedRoute
  const pin = route.cp?.pin
  const unchanged: Pinned = { path, search, body: undefined }
  if (pin === undefined || Option.isNone(identity) || identity.value.portal !== "CP") return unchanged
  const customerId = Option.getOrThrow(identity.value.customerId)
  switch (pin.in) {
    case "query":
      return { ...unchanged, search: yield* orFail(pinQuery(search, customerId)) }
    case "path":
      return { ...unchanged, path: yield* orFail(pinPath(path, route.template, pin.param, customerId)) }
    case "body":
      return { ...unchanged, body: yield* pinnedBody(customerId, bodyLimit) }
  }
})

const pinnedBody = Effect.fnUntraced(function* (customerId: string, bodyLimit: number) {
  const request = yield* HttpServerRequest.HttpServerRequest
  if ((request.headers["content-encoding"] ?? "identity") !== "identity") {
    return yield* new Problem({
      slug: "bad-request",
      detail: "Send the body of this route without Content-Encoding.",
    })
  }
  const bytes = yield* request.stream.pipe(
    Stream.mapError((cause) => new Problem({ slug: "bad-request", detail: "The body broke off.", cause })),
    Stream.limitBytes(ByteSize.bytes(bodyLimit), () => Stream.fail(bodyTooLarge(bodyLimit))),
    Stream.runCollect,
  )
  return yield* orFail(pinBody(Buffer.concat(bytes), request.headers["content-type"], customerId))
})

const orFail = <A>(pinned: A | Problem): Effect.Effect<A, Problem> =>
  pinned instanceof Problem ? Effect.fail(pinned) : Effect.succeed(pinned)
