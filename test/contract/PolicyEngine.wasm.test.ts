import { describe } from "@effect/vitest"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import { policyEngineContract } from "./PolicyEngine.ts"

describe("PolicyEngine in this process", () => {
  policyEngineContract(WasmPolicyEngine.layer)
})
