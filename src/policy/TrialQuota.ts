import { Clock, Effect, Exit, Metric, Option } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { ExchangeShape } from "../http/Exchange.ts"
import type { Problem } from "../http/Problems.ts"
import { answered } from "../http/Relay.ts"
import type { App, Response } from "../http/Stage.ts"
import type { Asking, AskPolicy } from "./AskPolicy.ts"
import { trialLimitExceeded, trialTasksAway } from "./PolicyRefusals.ts"
import { TrialTasks } from "./TrialTasks.ts"

const dayMillis = 86_400_000

/**
 * Lets a trial's tasks pass while the day has some left (SPEC 5), and takes back what the backend refuses. Made once,
 * at start.
 *
 * While the counter is away tasks fail with 503 `service-unavailable`. What such a failure has counted, if anything,
 * stays counted; so does what could not be taken back: the limit errs to the strict side.
 */
export const makeTrialQuota = Effect.fnUntraced(function* ({ refuse }: AskPolicy) {
  const tasks = yield* TrialTasks
  const { tasksPerDay: limit, upgradeUrl } = (yield* GatewayConfig).trial
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope

  return <R>(asking: Asking, app: App<R>): App<R> => {
    const { exchange, identity } = asking
    // A CP token without a customer is refused by Auth.
    const customer = Option.getOrThrow(identity.customerId)
    const now = clock.currentTimeMillisUnsafe()
    const day = new Date(now).toISOString().slice(0, 10)

    /** Beside the answer, which does not wait for it; a stop of the gateway does. */
    const giveBack = tasks.giveBack(customer, day).pipe(
      Effect.catch((error) =>
        Effect.andThen(
          Metric.update(notGivenBack, 1),
          Effect.logWarning("A trial's task that was refused could not be given back.", error),
        ),
      ),
      Effect.forkIn(scope, { startImmediately: true, uninterruptible: true }),
    )

    // What is counted is either done, given back, or kept on purpose; an interruption in between would lose track.
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.mapError(tasks.take(customer, day, limit), trialTasksAway),
        ({ allowed, count }): App<R> => {
          if (allowed) {
            return Effect.onExit(restore(app), (exit) => (isRefused(exit, exchange) ? giveBack : Effect.void))
          }
          const resetAt = (Math.floor(now / dayMillis) + 1) * dayMillis
          return refuse(asking, trialLimitExceeded({ count, limit, now, resetAt, upgradeUrl }))
        },
      ),
    )
  }
})

/**
 * Whether the task came to nothing: a refusal, or no answer at all. Who goes away before there is one has no refusal,
 * and the backend may be doing the task: given back, it would be free for whoever hangs up in time.
 */
const isRefused = (exit: Exit.Exit<Response, Problem>, { response }: ExchangeShape): boolean => {
  if (Exit.isSuccess(exit) && exit.value !== answered) return exit.value.status >= 400
  return response.headersSent ? response.statusCode >= 400 : !Exit.hasInterrupts(exit)
}

const notGivenBack = Metric.counter("gateway_trial_tasks_not_given_back_total", {
  description: "Refused tasks of trials that stay counted, because the counter was away",
  incremental: true,
})
