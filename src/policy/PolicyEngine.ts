import { Context, Data, Effect, Layer, type Option } from "effect"
import type { Decision, DecisionRequest } from "./Decision.ts"

/** Why there is no decision. Whoever asked has none to act on, and denies. */
export class PolicyUnavailable extends Data.TaggedError("PolicyUnavailable")<{
  readonly reason:
    | "timeout" // no answer in time
    | "unreachable" // no server took the question
    | "status" // an answer with an error status
    | "unreadable" // an answer that is no decision
    | "undefined" // the policy yielded nothing
  /** One sentence for the operator. */
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * Evaluates the policies (SPEC 6), in process or on a policy decision point: same sources, same decisions.
 *
 * `decide` never answers with a guess: what is not a whole decision in the form of `Decision` is a
 * `PolicyUnavailable`. It takes 5 seconds at most. It caches nothing and breaks no circuit; `Policy` does.
 */
export class PolicyEngine extends Context.Service<
  PolicyEngine,
  {
    readonly decide: (request: DecisionRequest) => Effect.Effect<Decision, PolicyUnavailable>
    /** The revision of the policy that was last seen to decide; undefined until one was. Read on the request path. */
    readonly revision: () => string | undefined
  }
>()("gateway/policy/PolicyEngine") {
  /** Where no stage asks the policies: there are none, and who asks all the same gets no decision. */
  static readonly layerOff = Layer.suspend(() =>
    Layer.succeed(PolicyEngine, {
      decide: () =>
        Effect.fail(new PolicyUnavailable({ reason: "unreachable", message: "No policy is in force here." })),
      revision: () => undefined,
    }),
  )
}

/** Who decides while no other engine does and no decision is remembered (`OPA_FALLBACK`); none when nobody shall. */
export class FallbackEngine extends Context.Service<FallbackEngine, Option.Option<PolicyEngine["Service"]>>()(
  "gateway/policy/FallbackEngine",
) {}
