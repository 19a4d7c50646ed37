import { Context, Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import type { makeAdminApp } from "./AdminApp.ts"

type Needs = Effect.Services<typeof makeAdminApp>

/**
 * The admin API, under `/_gateway` (SPEC 18), for the gateway's own router. It is loaded and built at the first request,
 * because the library takes longer to load than most of the gateway, and a cold start must not wait for it.
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    // Without the layers that are built already: one of them is this router, and the admin API has its own.
    const services = Context.omit(Layer.CurrentMemoMap)(yield* Effect.context<Needs>())
    const app = yield* Effect.cached(
      Effect.promise(() => import("./AdminApp.ts")).pipe(
        Effect.flatMap(({ makeAdminApp }) => makeAdminApp),
        // In place of the first caller's context: what it is built with, every later caller meets.
        Effect.updateContext<never, Needs>(() => services),
      ),
    )
    yield* router.add("*", "/_gateway/*", Effect.flatten(app))
  }),
)
