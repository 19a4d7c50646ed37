import { Effect, type Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Lifecycle } from "./Lifecycle.ts"

/** Liveness: the process answers. It says nothing of dependencies, so that none of them restarts the gateway. */
const alive = HttpServerResponse.jsonUnsafe({ status: "ok" })

/**
 * Readiness, with a line per dependency (SPEC 13): 200 `ready` or `degraded`, 503 `draining`. Dependencies are
 * asked at most once a second however often the route is called, because it is public.
 */
const readiness = Effect.gen(function* () {
  const lifecycle = yield* Lifecycle
  const dependencies = yield* Effect.cachedWithTTL(lifecycle.dependencies, "1 second")
  return Effect.gen(function* () {
    const lines = yield* dependencies
    const status = lifecycle.isDraining()
      ? "draining"
      : lines.every((line) => line.status === "up")
        ? "ready"
        : "degraded"
    return HttpServerResponse.jsonUnsafe(
      { status, dependencies: lines },
      { status: status === "draining" ? 503 : 200, headers: { "cache-control": "no-store" } },
    )
  })
})

/** `GET /health`, `/healthz` and `/ready`. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    yield* router.add("GET", "/health", alive)
    yield* router.add("GET", "/healthz", alive)
    yield* router.add("GET", "/ready", yield* readiness)
  }),
) satisfies Layer.Layer<never, never, HttpRouter.HttpRouter | Lifecycle>
