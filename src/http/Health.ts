import { Effect, Fiber, type Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { type DependencyStatus, Lifecycle } from "./Lifecycle.ts"

/** Balancers wait a second or two for a check. */
const patience = "300 millis"

/** Liveness: the process answers. It says nothing of dependencies, so that none of them restarts the gateway. */
const alive = HttpServerResponse.jsonUnsafe({ status: "ok" })

/**
 * Readiness, with a line per dependency (SPEC 13): 200 `ready` or `degraded`, 503 `draining`. Dependencies are
 * asked at most once a second however often the route is called, because it is public.
 *
 * Who asks waits `patience` at most and then gets the lines of the last time: a dependency that hangs would otherwise
 * make the check time out, and a balancer take every instance out.
 */
const readiness = Effect.gen(function* () {
  const lifecycle = yield* Lifecycle
  const scope = yield* Effect.scope
  let last: ReadonlyArray<DependencyStatus> | undefined
  const asked = yield* Effect.cachedWithTTL(
    Effect.tap(lifecycle.dependencies, (lines) =>
      Effect.sync(() => {
        last = lines
      }),
    ),
    "1 second",
  )
  const dependencies = Effect.gen(function* () {
    const asking = yield* Effect.forkIn(asked, scope, { startImmediately: true })
    return yield* Effect.timeoutOrElse(Fiber.join(asking), {
      duration: patience,
      orElse: () => Effect.succeed(last ?? []),
    })
  })
  return Effect.gen(function* () {
    const lines = yield* dependencies
    const status = lifecycle.isDraining()
      ? "draining"
      : lines.length > 0 && lines.every((line) => line.status === "up")
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
