import { Clock, Effect, Exit } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { AnswerHead, type Head } from "../http/AnswerHead.ts"
import { statusOf } from "../http/AnswerStatus.ts"
import { isClientAbort } from "../http/ClientAbort.ts"
import type { ExchangeShape } from "../http/Exchange.ts"
import type { Problem } from "../http/Problems.ts"
import type { Route as RouteOfTable } from "../http/Routes.ts"
import type { App, Response } from "../http/Stage.ts"
import type { Route } from "./FeatureFlags.ts"
import { type Group, RolloutSampler } from "./Samples.ts"

/**
 * Has the rollout told of a request that its cohort sent this way, once it is answered. What is told is the backend's
 * doing alone, for a client must not make the rollout look bad by what it does itself:
 *
 * - How long is from here to the head of the answer, and for a request with a body it is not told.
 * - A request whose body was still coming when it ended, a stream and a socket are not told.
 * - Who went away is, as one that took at least so long, after a second without the head of an answer: a backend that
 *   hangs is not seen otherwise.
 *
 * Made once, at start.
 */
export const makeSampling = Effect.gen(function* () {
  const { observe } = yield* RolloutSampler
  const clock = yield* Clock.Clock

  return <R>(
    group: Group,
    { because }: Route,
    { timeout, upgrade }: RouteOfTable,
    exchange: ExchangeShape,
    app: App<R>,
  ): App<R> => {
    if (because !== "cohort" || timeout === "none" || upgrade) return app
    const { request, response } = exchange
    const started = clock.monotonicTimeNanosUnsafe()
    const head: Head = { at: undefined }
    AnswerHead.provide(exchange, head)
    return Effect.onExitPrimitive(app, (exit) => {
      if (!request.complete) return undefined
      const seconds = Number((head.at ?? clock.monotonicTimeNanosUnsafe()) - started) / 1e9
      const isGone = Exit.isFailure(exit) && isClientAbort(exit.cause)
      if (!isGone) observe(group, statusSeen(exit, response), hasBody(request) ? undefined : seconds)
      else if (head.at === undefined && seconds >= patience && !hasBody(request)) observe(group, 499, seconds)
      return undefined
    })
  }
})

/** Seconds; who goes away sooner has not waited for the backend. */
const patience = 1

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

/** An answer that broke off is no better than none, whatever its head says. */
const statusSeen = (exit: Exit.Exit<Response, Problem>, response: ServerResponse): number =>
  response.destroyed && !response.writableEnded ? 502 : statusOf(exit, response)
