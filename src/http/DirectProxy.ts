import { Context, Effect, Layer, Option } from "effect"
import type { Exchange } from "./Exchange.ts"
import { forwardedHeaders, makeForward } from "./Forward.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { RequestIds } from "./RequestIds.ts"
import type { App } from "./Stage.ts"
import { Upstreams } from "./Upstreams.ts"

/**
 * Sends a request to the direct integration, for customers who are not enrolled (SPEC 11); none where there is none.
 *
 * It gets the request as the client sent it, token and all, and nothing of what the gateway knows of the caller: no
 * identity header and no pinned customer. What only the gateway may say is taken out here as well.
 */
export class DirectProxy extends Context.Service<
  DirectProxy,
  Option.Option<App<Exchange | RequestIds | MatchedRoute>>
>()("gateway/http/DirectProxy") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { direct } = yield* Upstreams
      const { refusalOf, send } = yield* makeForward

      return Option.map(direct, (upstream) =>
        RequestIds.use((ids, exchange) =>
          MatchedRoute.use(({ route }) => {
            const refusal = refusalOf(exchange, route)
            return refusal !== undefined
              ? Effect.fail(refusal)
              : send(exchange, route, upstream, {
                  target: exchange.path + exchange.search,
                  headers: forwardedHeaders(exchange, ids),
                  body: undefined,
                })
          }),
        ),
      )
    }),
  )
}
