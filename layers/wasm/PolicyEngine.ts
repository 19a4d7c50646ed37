import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { readDecision } from "../../src/policy/ReadDecision.ts"
import { loadWasmPolicy, type PolicyNotLoaded, type WasmPolicy } from "./CompiledPolicy.ts"

/** Decides in this process, by the policy that the gateway was built with. */
export const make: Effect.Effect<PolicyEngine["Service"], PolicyNotLoaded> = Effect.suspend(() =>
  Effect.map(loadWasmPolicy(fileURLToPath(new URL("../../policies/compiled/", import.meta.url))), engineOf),
)

export const layer = Layer.effect(PolicyEngine, make)

/** Decides by that policy. */
export const engineOf = ({ evaluate, revision }: WasmPolicy): PolicyEngine["Service"] => ({
  decide: (request) =>
    Effect.suspend(() => {
      let answer: unknown
      try {
        answer = evaluate(request)
      } catch (cause) {
        return refuse("unreadable", "The evaluation of the compiled policy broke off.", cause)
      }
      const decision = readDecision(answer)
      if (decision !== undefined) return Effect.succeed(decision)
      return answer === undefined
        ? refuse("undefined", "The compiled policy yielded no decision.")
        : refuse("unreadable", "The compiled policy yielded what is no decision.")
    }),
  revision: () => revision,
})

const refuse = (reason: PolicyUnavailable["reason"], message: string, cause?: unknown) =>
  Effect.andThen(Effect.logWarning(message), new PolicyUnavailable({ reason, message, cause }))
