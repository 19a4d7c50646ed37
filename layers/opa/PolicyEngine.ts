import { Effect, Exit, Layer, Request, RequestResolver } from "effect"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { readDecision } from "../../src/policy/ReadDecision.ts"
import { makeOpaServers } from "./OpaServers.ts"

class Question extends Request.Class<{ readonly input: DecisionRequest }, Decision, PolicyUnavailable> {}

/**
 * Decides on the servers of `OPA_URLS`. Requests that ask in the same turn of the event loop share queries of at most
 * `OPA_BATCH_MAX`. The start does not need a server to be there.
 */
export const layer = Layer.effect(
  PolicyEngine,
  Effect.gen(function* () {
    const { policy } = yield* GatewayConfig
    const servers = yield* makeOpaServers(policy)
    const resolver = RequestResolver.make<Question>((entries) =>
      Effect.flatMap(servers.ask(entries.map(({ request }) => request.input)), ({ decisions }) => {
        const exits = decisions.map(exitOf)
        const failed = exits.filter(Exit.isFailure).length
        const complete = Effect.sync(() => {
          for (const [index, exit] of exits.entries()) entries[index]?.completeUnsafe(exit)
        })
        return failed === 0
          ? complete
          : Effect.andThen(
              Effect.logWarning(`OPA gave no whole decision for ${failed} of ${entries.length} requests.`),
              complete,
            )
      }),
    ).pipe(RequestResolver.batchN(policy.batchMax))
    return {
      decide: (request) => Effect.request(new Question({ input: request }), resolver),
      revision: servers.revision,
    }
  }),
)

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
