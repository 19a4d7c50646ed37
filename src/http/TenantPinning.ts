import { ByteSize, Effect, Option, Stream } from "effect"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import type { ExchangeShape } from "./Exchange.ts"
import { Problem } from "./Problems.ts"
import { bodyTooLarge } from "./Relay.ts"
import { bodyOf } from "./RequestBody.ts"
import type { Route } from "./Routes.ts"
import { pinBody, pinPath, pinQuery } from "./TenantPin.ts"

/** What goes upstream after pinning; `body` only where it was rewritten. */
export interface Pinned {
  readonly path: string
  readonly search: string
  readonly body: Uint8Array | undefined
}

/**
 * Overwrites the customer that a pinned route names with the token's own (SPEC 13), so that nobody reads or writes
 * another customer's data by naming it. Undefined where there is nothing to pin: staff belong to no customer and
 * name any.
 */
export const pinTenant = (
  exchange: ExchangeShape,
  { cp, template }: Route,
  identity: Option.Option<Identity>,
  bodyLimit: number,
): Effect.Effect<Pinned, Problem> | undefined => {
  if (cp?.pin === undefined || Option.isNone(identity) || identity.value.portal !== "CP") return undefined
  // A CP token without a customer is refused by Auth.
  const customerId = Option.getOrThrow(identity.value.customerId)
  const { path, search } = exchange
  const unchanged: Pinned = { path, search, body: undefined }
  switch (cp.pin.in) {
    case "query":
      return Effect.map(orFail(pinQuery(search, customerId)), (pinned) => ({ ...unchanged, search: pinned }))
    case "path":
      return Effect.map(orFail(pinPath(path, template, cp.pin.param, customerId)), (pinned) => ({
        ...unchanged,
        path: pinned,
      }))
    case "body":
      return Effect.map(pinnedBody(exchange, customerId, bodyLimit), (body) => ({ ...unchanged, body }))
  }
}

const pinnedBody = Effect.fnUntraced(function* (
  exchange: ExchangeShape,
  customerId: string,
  bodyLimit: number,
) {
  const { headers } = exchange.request
  if ((headers["content-encoding"] ?? "identity") !== "identity") {
    return yield* new Problem({
      slug: "bad-request",
      detail: "Send the body of this route without Content-Encoding.",
    })
  }
  const bytes = yield* bodyOf(exchange).pipe(
    Stream.limitBytes(ByteSize.bytes(bodyLimit), () => Stream.fail(bodyTooLarge(bodyLimit))),
    Stream.runCollect,
  )
  return yield* orFail(pinBody(Buffer.concat(bytes), headers["content-type"], customerId))
})

const orFail = <A>(pinned: A | Problem): Effect.Effect<A, Problem> =>
  pinned instanceof Problem ? Effect.fail(pinned) : Effect.succeed(pinned)
