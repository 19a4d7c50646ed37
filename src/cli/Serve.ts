import { Config, Effect, Layer } from "effect"
import cluster from "node:cluster"
import * as Telemetry from "../../layers/telemetry/Telemetry.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { notBuilt } from "../config/Switches.ts"
import * as Gateway from "../Gateway.ts"
import { banner } from "./Banner.ts"
import { refuse } from "./Refusal.ts"
import { supervise, tellSupervisor, workerIndexVariable } from "./Workers.ts"

/**
 * Runs the gateway until it is told to stop; in `WORKERS` processes when there are several. A start that an operator
 * can mend fails with one line on standard error.
 */
export const serve = Effect.gen(function* () {
  const config = yield* GatewayConfig
  if (cluster.isPrimary) yield* warnings
  if (config.server.workers > 1 && cluster.isPrimary) return yield* supervise(config)
  const workerIndex = yield* Config.Int(workerIndexVariable).pipe(Config.withDefault(0))
  const started = Layer.effectDiscard(Effect.andThen(banner(workerIndex), tellSupervisor))
  return yield* Layer.launch(started.pipe(Layer.provideMerge(Gateway.layer(workerIndex))))
}).pipe(
  Effect.provide(Telemetry.logs),
  Effect.catchTag(["CannotListen", "PolicyNotLoaded"], ({ message }) => refuse(message, 1)),
)

/** What an operator must know about a start that is allowed but unusual. */
const warnings = Effect.gen(function* () {
  const { switches } = yield* GatewayConfig
  const promised = Object.entries(notBuilt).flatMap(([name, middleware]) =>
    switches[middleware] ? [name] : [],
  )
  if (promised.length > 0) {
    yield* Effect.logWarning(
      `This version has no middleware behind ${promised.join(", ")}: nothing decides what they would decide. ` +
        "A production start refuses them.",
    )
  }
  if (!switches.auth) {
    yield* Effect.logWarning(
      "ENABLE_AUTH_MIDDLEWARE is false: nobody is identified. Every request passes without identity headers, " +
        "and what decides by identity decides nothing.",
    )
  }
  if (!switches.errors) {
    yield* Effect.logWarning(
      "ENABLE_ERROR_MIDDLEWARE is false: failures leave with a bare status, without a problem document.",
    )
  }
})
