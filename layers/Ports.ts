import { Layer } from "effect"
import { AuditLog } from "../src/audit/AuditLog.ts"
import * as PolicyEngines from "./PolicyEngines.ts"
import * as Records from "./Records.ts"
import * as SharedState from "./SharedState.ts"
import * as ShadowPolicy from "./wasm/ShadowPolicy.ts"

/** Every port whose layer is chosen by a variable of its own, whatever the profile. */
export const layer = Layer.mergeAll(
  SharedState.layer,
  Records.layer,
  PolicyEngines.layer,
  ShadowPolicy.layer,
  AuditLog.layerLog,
)
