import { Effect, Layer, Option } from "effect"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { ShadowPolicy } from "../../src/policy/Shadow.ts"
import { loadWasmPolicy } from "./CompiledPolicy.ts"
import { engineOf } from "./PolicyEngine.ts"

/** The compiled policy in `POLICY_SHADOW_DIR`. One that cannot be used fails the start: it was wanted. */
export const layer = Layer.effect(
  ShadowPolicy,
  Effect.gen(function* () {
    const { shadowDirectory } = (yield* GatewayConfig).policy
    if (Option.isNone(shadowDirectory)) return Option.none()
    const policy = yield* Effect.mapError(loadWasmPolicy(shadowDirectory.value), ({ message }) =>
      ConfigFaults.of({
        variable: "POLICY_SHADOW_DIR",
        problem: message,
        fix: "Set it to a directory with policy.wasm and data.json as policies/build.ts makes them, or unset it.",
      }),
    )
    return Option.some(engineOf(policy))
  }),
)
