import { Effect, Exit } from "effect"
import type { ServerResponse } from "node:http"
import type { Lifecycle } from "../../../src/http/Lifecycle.ts"
import { PolicyEngine, type PolicyUnavailable } from "../../../src/policy/PolicyEngine.ts"
import { customer } from "../../policy/Requests.ts"
import { loggedIn } from "../../Logged.ts"
import { until } from "../../Until.ts"
import { type Conduct, overServers, type StandInOpa, startStandInOpa, untilStanding } from "./StandInOpa.ts"

/**
 * Time stands still in most of these tests but where they let it pass: no server is too slow because the machine is
 * busy, and what is done at once is done without a clock.
 */
export const timeout = "2400 millis"
/** Connections have a clock of their own: a long time, that two tries are within the five seconds for a decision. */
const patient = { OPA_TIMEOUT_MS: "2400" }

export const decide = PolicyEngine.use((engine) => engine.decide(customer))
export const decideMany = (count: number) =>
  PolicyEngine.use((engine) =>
    Effect.forEach(
      Array.from({ length: count }, () => customer),
      (each) => Effect.exit(engine.decide(each)),
      { concurrency: "unbounded" },
    ),
  )

/** Runs over two servers that are both known to be well. */
export const withTwo = <A, E>(
  test: (
    one: StandInOpa,
    two: StandInOpa,
    log: ReadonlyArray<string>,
  ) => Effect.Effect<A, E, PolicyEngine | Lifecycle>,
  env: Readonly<Record<string, string>> = patient,
) =>
  Effect.gen(function* () {
    const [one, two] = yield* Effect.all([startStandInOpa, startStandInOpa])
    const log: Array<string> = []
    return yield* Effect.andThen(untilStanding("up", "up"), test(one, two, log)).pipe(
      Effect.provide(overServers([one.url, two.url], env)),
      Effect.provide(loggedIn(log)),
    )
  })

/** Waits until so many queries came in all, or more. */
export const untilAsked = (count: number, ...servers: ReadonlyArray<StandInOpa>) =>
  until(() => servers.flatMap(({ queries }) => queries).length >= count)

/** Misbehaves in answering requests, not in health checks. */
export const towardsRequests =
  (opa: StandInOpa, conduct: (response: ServerResponse) => void): Conduct =>
  (requests, response) =>
    requests.length === 0 ? opa.honest(requests, response) : conduct(response)

export const reasonOf = (exit: Exit.Exit<unknown, PolicyUnavailable>) =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail"
    ? exit.cause.reasons[0].error.reason
    : "decided"
