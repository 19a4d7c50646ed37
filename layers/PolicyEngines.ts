import { Effect, Layer, Option } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import { FallbackEngine, PolicyEngine } from "../src/policy/PolicyEngine.ts"
import * as OpaPolicyEngine from "./opa/PolicyEngine.ts"
import * as WasmPolicyEngine from "./wasm/PolicyEngine.ts"

/**
 * Who decides: OPA servers, or the compiled policy (`OPA_LAYER`), or nobody where no stage asks; and who does while no
 * server does (`OPA_FALLBACK`).
 */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ policy, switches }) =>
    Layer.merge(
      !switches.rbac && !switches.policy
        ? PolicyEngine.layerOff
        : policy.layer === "http"
          ? OpaPolicyEngine.layer
          : WasmPolicyEngine.layer,
      policy.layer === "http" && policy.fallback === "wasm"
        ? Layer.effect(FallbackEngine, Effect.map(WasmPolicyEngine.make, Option.some))
        : Layer.succeed(FallbackEngine, Option.none()),
    ),
  ),
)
