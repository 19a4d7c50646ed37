import { Clock, Effect, Exit } from "effect"
import type { ServerResponse } from "node:http"
import { statusOf } from "../http/AnswerStatus.ts"
import { isClientAbort } from "../http/ClientAbort.ts"
import type { ExchangeShape } from "../http/Exchange.ts"
import type { Problem } from "../http/Problems.ts"
import type { Route as RouteOfTable } from "../http/Routes.ts"
import type { App, Response } from "../http/Stage.ts"
import type { Route } from "./FeatureFlags.ts"
import { type Group, RolloutSampler } from "./Samples.ts"

/**
 * Has the rollout told of a request that its cohort sent this way, once it is answered; who went away was not, and a
 * stream is as long as its client likes. Made once, at start.
 */
export const makeSampling = Effect.gen(function* () {
  const { observe } = yield* RolloutSampler
  const clock = yield* Clock.Clock

  return <R>(
    group: Group,
    { because }: Route,
    { timeout, upgrade }: RouteOfTable,
    { response }: ExchangeShape,
    app: App<R>,
  ): App<R> => {
    if (because !== "cohort" || timeout === "none" || upgrade) return app
    const started = clock.monotonicTimeNanosUnsafe()
    return Effect.onExitPrimitive(app, (exit) => {
      if (Exit.isSuccess(exit) || !isClientAbort(exit.cause)) {
        observe(group, statusSeen(exit, response), Number(clock.monotonicTimeNanosUnsafe() - started) / 1e9)
      }
      return undefined
    })
  }
})

/** An answer that broke off is no better than none, whatever its head says. */
const statusSeen = (exit: Exit.Exit<Response, Problem>, response: ServerResponse): number =>
  response.destroyed && !response.writableEnded ? 502 : statusOf(exit, response)
