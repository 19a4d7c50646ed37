import { Effect, Metric, Schedule } from "effect"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import type { GatewaySettings } from "../../src/config/GatewayConfig.ts"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { type Answer, makeOpaServer, type OpaServer } from "./OpaServer.ts"

const queries = Metric.counter("gateway_policy_opa_queries_total", {
  description: "Queries to each OPA server, by outcome",
  incremental: true,
})
const count = ({ server }: Member, outcome: PolicyUnavailable["reason"] | "answered") =>
  Metric.update(Metric.withAttributes(queries, { server: server.name, outcome }), 1)

/** A server, and what is known of it. */
interface Member {
  readonly server: OpaServer
  /** Undefined until it was asked once. */
  isUp: boolean | undefined
  /** One sentence for the operator. */
  detail: string
}

/**
 * The OPA servers as one. Each is checked every `OPA_HEALTH_SECONDS`; queries go to the healthy ones in turn. A server
 * that does not answer a query is down at once and until it passes a check, so that one with too much to do is not
 * up and down with every query. The query goes to another one, once: evaluating it twice does no harm. An answer is
 * never doubted by asking another server.
 *
 * While no server is healthy they are asked all the same, for one may be back.
 */
export const makeOpaServers = Effect.fnUntraced(function* (settings: GatewaySettings["policy"]) {
  const { watch } = yield* Lifecycle
  const members = yield* Effect.forEach(settings.urls, (url, index) =>
    Effect.map(makeOpaServer(`opa-${index + 1}`, url, settings.timeoutMillis), (server): Member => ({
      server,
      isUp: undefined,
      detail: "Was not asked yet.",
    })),
  )
  let revision: string | undefined
  let failures = 0

  const check = (member: Member) =>
    Effect.matchEffect(member.server.check, {
      onSuccess: (answer) => {
        revision = answer.revision
        return up(member, answer)
      },
      onFailure: (failure) => down(member, failure),
    })
  const askOne = (member: Member, requests: ReadonlyArray<DecisionRequest>) =>
    member.server.ask(requests).pipe(
      Effect.tap((answer) => {
        revision = answer.revision
        failures = 0
        return count(member, "answered")
      }),
      Effect.tapError((failure) =>
        Effect.andThen(
          count(member, failure.reason),
          // An error status, or an answer that cannot be read, may be the fault of these requests alone.
          isSilence(failure) || failure.reason === "undefined" ? down(member, failure) : Effect.void,
        ),
      ),
    )

  let turn = 0
  const inTurn = (): ReadonlyArray<Member> => {
    turn++
    const healthy = members.filter(({ isUp }) => isUp === true)
    const others = members.filter(({ isUp }) => isUp !== true)
    return [...rotated(healthy, turn), ...rotated(others, turn)]
  }

  const ask = (requests: ReadonlyArray<DecisionRequest>): Effect.Effect<Answer, PolicyUnavailable> =>
    Effect.suspend(() => {
      const [first, second] = inTurn()
      if (first === undefined) return Effect.fail(unavailable("unreachable", "OPA_URLS names no server."))
      const asked = askOne(first, requests)
      return second === undefined
        ? asked
        : Effect.catchIf(asked, isSilence, (failure) =>
            Effect.mapError(askOne(second, requests), ({ reason, message, cause }) =>
              unavailable(reason, `${failure.message} ${message}`, cause),
            ),
          )
    }).pipe(
      Effect.tapError(() =>
        Effect.sync(() => {
          failures++
        }),
      ),
    )

  for (const member of members) {
    yield* watch(
      Effect.sync(() => ({
        name: member.server.name,
        status: member.isUp === true ? "up" : "down",
        detail: member.detail,
      })),
    )
  }
  yield* Effect.forEach(members, check, { concurrency: "unbounded", discard: true }).pipe(
    Effect.repeat(Schedule.spaced(`${settings.healthSeconds} seconds`)),
    Effect.forkScoped({ startImmediately: true }),
  )

  return {
    ask,
    /** Of the policy that decided last, or was last seen ready to. */
    revision: () => revision,
    /** How many queries failed since the last that was answered. */
    failures: () => failures,
  }
})

const up = (member: Member, { revision }: Answer) => {
  const detail = `Decides by the policy of revision ${revision}.`
  if (member.isUp === true && member.detail === detail) return Effect.void
  member.isUp = true
  member.detail = detail
  return Effect.logInfo(`${member.server.name} decides by the policy of revision ${revision}.`)
}

const down = (member: Member, failure: PolicyUnavailable) => {
  const wasDown = member.isUp === false
  member.isUp = false
  member.detail = failure.message
  return wasDown ? Effect.void : Effect.logWarning(`An OPA server is down: ${failure.message}`)
}

/** No whole answer came, so another server may be asked. */
export const isSilence = ({ reason }: PolicyUnavailable): boolean =>
  reason === "timeout" || reason === "unreachable"

const unavailable = (reason: PolicyUnavailable["reason"], message: string, cause?: unknown) =>
  new PolicyUnavailable({ reason, message, cause })

const rotated = <A>(items: ReadonlyArray<A>, by: number): ReadonlyArray<A> => {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
