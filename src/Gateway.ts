import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import * as Embedded from "../layers/Embedded.ts"
import * as Production from "../layers/Production.ts"
import * as Telemetry from "../layers/telemetry/Telemetry.ts"
import * as NothingHere from "./admin/NothingHere.ts"
import * as Ofrep from "./admin/Ofrep.ts"
import * as ProblemCatalogue from "./admin/ProblemCatalogue.ts"
import { AuthStage } from "./auth/AuthStage.ts"
import { IssuerKeys } from "./auth/Keys.ts"
import { GatewayConfig } from "./config/GatewayConfig.ts"
import { CustomerFlagsStage } from "./flags/CustomerFlagsStage.ts"
import { FeatureFlags } from "./flags/FeatureFlags.ts"
import * as RolloutWatch from "./flags/RolloutWatch.ts"
import { AdmissionStage } from "./http/Admission.ts"
import { CanonicalPath } from "./http/CanonicalPath.ts"
import { Connections } from "./http/Connections.ts"
import { CorrelationStage } from "./http/Correlation.ts"
import { CorsStage } from "./http/Cors.ts"
import { DirectProxy } from "./http/DirectProxy.ts"
import { makeEndpoint } from "./http/Endpoint.ts"
import { ErrorsStage } from "./http/Errors.ts"
import * as Health from "./http/Health.ts"
import { Lifecycle } from "./http/Lifecycle.ts"
import { MeasureStage } from "./http/Measure.ts"
import { makePipeline } from "./http/Pipeline.ts"
import { Proxy } from "./http/Proxy.ts"
import { RateLimitStage } from "./http/RateLimit.ts"
import * as Server from "./http/Server.ts"
import { Upstreams } from "./http/Upstreams.ts"
import { Policy } from "./policy/Policy.ts"
import { PolicyStage } from "./policy/PolicyStage.ts"
import { Shadow } from "./policy/Shadow.ts"
import { RbacStage } from "./rbac/RbacStage.ts"
import * as BreakerBoard from "./rollback/BreakerBoard.ts"

/** Each switch chooses, once, a stage or its pass-through (rollback tier 1). */
const stages = Layer.unwrap(
  Effect.map(GatewayConfig, ({ switches, rateLimit }) =>
    Layer.mergeAll(
      CanonicalPath.layer,
      CorrelationStage.layer,
      MeasureStage.layer,
      switches.errors ? ErrorsStage.layer : ErrorsStage.layerOff,
      CorsStage.layer,
      AdmissionStage.layer,
      rateLimit.enabled ? RateLimitStage.layer : RateLimitStage.layerOff,
      switches.rbac ? RbacStage.layer : RbacStage.layerOff,
      switches.policy ? PolicyStage.layer : PolicyStage.layerOff,
      switches.auth ? AuthStage.layer.pipe(Layer.provide(IssuerKeys.layer)) : AuthStage.layerOff,
      // Without auth nobody is known to be a customer.
      switches.auth ? CustomerFlagsStage.layer : CustomerFlagsStage.layerOff,
    ),
  ),
)

/** How the ports are met. */
const configuredWorld = Layer.unwrap(
  Effect.map(GatewayConfig, ({ profile }) => (profile === "embedded" ? Embedded.layer : Production.layer)),
)

/** The portals' listener with the whole pipeline behind it. */
const portals = Layer.unwrap(
  Effect.gen(function* () {
    const pipeline = yield* makePipeline
    return Server.layer(pipeline({ gateway: yield* makeEndpoint, direct: yield* DirectProxy }))
  }),
)

/**
 * What operators and their tools read: metrics, health, the problem catalogue and customers' flags, on an address of its
 * own that no portal reaches. Each worker has one, because each has its own numbers.
 */
const admin = (workerIndex: number) =>
  Server.AdminAddress.layer.pipe(
    // Not merged: what the router was built with would reach the portals, and they would share its routes.
    Layer.provide(
      HttpRouter.serve(
        Layer.mergeAll(
          PrometheusMetrics.layerHttp({ path: "/metrics" }),
          Health.layer,
          ProblemCatalogue.layer,
          Ofrep.layer,
          NothingHere.layer,
        ),
        { disableLogger: true, disableListenLog: true },
      ),
    ),
    Layer.provide(Server.adminLayer(workerIndex)),
  )

/**
 * Goes first when the process stops: readiness goes off, the load balancer gets the time to see it, and only then
 * does the listener under it close.
 */
const drainFirst = Layer.effectDiscard(
  Effect.gen(function* () {
    const { closeAfterAnswers, closeSilent } = yield* Connections
    const { startDraining } = yield* Lifecycle
    const { drainDelaySeconds } = (yield* GatewayConfig).server
    yield* Effect.addFinalizer(() =>
      Effect.logInfo("Draining: readiness is off, requests in flight finish").pipe(
        Effect.andThen(startDraining),
        Effect.andThen(closeAfterAnswers),
        Effect.andThen(Effect.sleep(`${drainDelaySeconds} seconds`)),
        Effect.andThen(closeSilent),
      ),
    )
  }),
)

/** The gateway over a given world (how the ports are met). It offers its listener, for whoever wants its address. */
export const over = <More, E, R>(
  world: Layer.Layer<Layer.Success<typeof Embedded.layer> | More, E, R>,
  workerIndex = 0,
) =>
  drainFirst.pipe(
    Layer.provideMerge(portals),
    // Under the portals: a start that fails here has nothing to drain, and operators see a drain to its end.
    Layer.provideMerge(admin(workerIndex)),
    Layer.provide(stages),
    Layer.provide(Policy.layer),
    Layer.provide(Shadow.layer),
    Layer.provide(Proxy.layer),
    Layer.provide(DirectProxy.layer),
    Layer.provide(Upstreams.layer),
    Layer.provide(RolloutWatch.layer),
    Layer.provide(FeatureFlags.layer),
    Layer.provide(BreakerBoard.layer),
    Layer.provideMerge(world),
    Layer.provide(Lifecycle.layer),
    Layer.provide(Telemetry.layer),
  )

/** The gateway as configured. */
export const layer = (workerIndex = 0) => over(configuredWorld, workerIndex)
