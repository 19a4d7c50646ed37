import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import * as AdminRoutes from "../admin/AdminRoutes.ts"
import * as OpenApi from "../admin/OpenApi.ts"
import * as ProblemCatalogue from "../admin/ProblemCatalogue.ts"
import { MatchedRoute } from "./MatchedRoute.ts"
import { Exchange } from "./Exchange.ts"
import * as Health from "./Health.ts"
import { libraryRequest } from "./LibraryRequest.ts"
import { Problem } from "./Problems.ts"
import { Proxy } from "./Proxy.ts"

/** What the gateway answers itself. The route table says for which paths it is asked (`answeredBy`). */
const ownRoutes = Layer.mergeAll(Health.layer, OpenApi.layer, ProblemCatalogue.layer, AdminRoutes.layer)

/** What answers an admitted request: the gateway's own router for its own routes, the proxy for all others. */
export const makeEndpoint = Effect.gen(function* () {
  const proxy = yield* Proxy
  const router = yield* HttpRouter.toHttpEffect(ownRoutes).pipe(
    // Paths are matched exactly (SPEC 2).
    Effect.provideService(HttpRouter.RouterConfig, { caseSensitive: true }),
  )
  const own = Exchange.use((exchange) =>
    router.pipe(
      // The router reads the canonical path, as everyone does.
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        libraryRequest(exchange, exchange.path + exchange.search),
      ),
      Effect.scoped,
      Effect.mapError((cause) =>
        cause instanceof Problem
          ? cause
          : new Problem({
              slug: "not-found",
              detail: "This version of the gateway does not answer this route.",
              cause,
            }),
      ),
    ),
  )
  return MatchedRoute.use(({ route }) => (route.answeredBy === "gateway" ? own : proxy))
})
