import { Effect, Exit, Layer, Request, RequestResolver } from "effect"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { readDecision } from "../../src/policy/ReadDecision.ts"
import { isSilence, makeOpaServers } from "./OpaServers.ts"

class Question extends Request.Class<{ readonly input: DecisionRequest }, Decision, PolicyUnavailable> {}
type Entries = ReadonlyArray<Request.Entry<Question>>

/** However many servers are asked, however often, and however long each may take. */
const ceiling = "5 seconds"

/**
 * Decides on the servers of `OPA_URLS`. Requests that ask in the same turn of the event loop share queries of at most
 * `OPA_BATCH_MAX`. The start does not need a server to be there.
 *
 * Where an answer fails a query that several share, each is asked once more alone, so that one that the servers cannot
 * evaluate takes no other along. All that get no answer alone either fail with the failure of that query: it was one
 * query that failed, and whoever counts failures counts it once.
 */
export const layer = Layer.effect(
  PolicyEngine,
  Effect.gen(function* () {
    const { policy, breaker } = yield* GatewayConfig
    const servers = yield* makeOpaServers(policy)
    const ask = (entries: Entries) => servers.ask(entries.map(({ request }) => request.input))

    const askEachAlone = Effect.fnUntraced(function* (entries: Entries, shared: PolicyUnavailable) {
      let unanswered = 0
      let last = ""
      yield* Effect.forEach(
        entries,
        (entry) =>
          Effect.match(ask([entry]), {
            onSuccess: ({ decisions }) => entry.completeUnsafe(exitOf(decisions[0])),
            onFailure: ({ message }) => {
              unanswered++
              last = message
              entry.completeUnsafe(Exit.fail(shared))
            },
          }),
        { concurrency: "unbounded", discard: true },
      )
      const outcome = `Asked alone, ${unanswered} of ${entries.length} requests got no answer.`
      yield* Effect.logWarning(`OPA gave no decisions: ${shared.message} ${outcome} ${last}`.trimEnd())
    })

    const settle = (entries: Entries) => {
      let failure: PolicyUnavailable | undefined
      return Effect.matchEffect(ask(entries), {
        onSuccess: ({ decisions }) => complete(entries, decisions),
        onFailure: (shared) => {
          failure = shared
          // The circuit, which is not seen from here, is open after as many failures in a row.
          return entries.length > 1 && !isSilence(shared) && servers.failures() < breaker.failuresMax
            ? askEachAlone(entries, shared)
            : fail(entries, shared)
        },
      }).pipe(Effect.timeoutOrElse({ duration: ceiling, orElse: () => fail(entries, failure ?? tooLate()) }))
    }

    const resolver = RequestResolver.make(settle).pipe(RequestResolver.batchN(policy.batchMax))
    return {
      decide: (request) => Effect.request(new Question({ input: request }), resolver),
      revision: servers.revision,
    }
  }),
)

const complete = (entries: Entries, decisions: ReadonlyArray<unknown>): Effect.Effect<void> => {
  const exits = decisions.map(exitOf)
  const failed = exits.filter(Exit.isFailure).length
  const completed = Effect.sync(() => {
    for (const [index, exit] of exits.entries()) entries[index]?.completeUnsafe(exit)
  })
  return failed === 0
    ? completed
    : Effect.andThen(
        Effect.logWarning(`OPA gave no whole decision for ${failed} of ${entries.length} requests.`),
        completed,
      )
}

/** Those that are complete stay as they are. */
const fail = (entries: Entries, failure: PolicyUnavailable): Effect.Effect<void> =>
  Effect.andThen(
    Effect.logWarning(`OPA gave no decisions: ${failure.message}`),
    Effect.sync(() => {
      for (const entry of entries) entry.completeUnsafe(Exit.fail(failure))
    }),
  )

const tooLate = () =>
  new PolicyUnavailable({ reason: "timeout", message: `OPA did not answer within ${ceiling}.` })

const exitOf = (answer: unknown): Exit.Exit<Decision, PolicyUnavailable> => {
  const decision = readDecision(answer)
  if (decision !== undefined) return Exit.succeed(decision)
  return Exit.fail(
    answer === null
      ? new PolicyUnavailable({ reason: "undefined", message: "The policy yielded no decision." })
      : new PolicyUnavailable({
          reason: "unreadable",
          message: "The policy yielded what is no decision.",
        }),
  )
}
