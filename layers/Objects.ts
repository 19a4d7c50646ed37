import { Effect, Layer } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import * as FileObjectStore from "./file/ObjectStore.ts"
import * as GcpObjectStore from "./gcp/ObjectStore.ts"

/** Where exports and archives are kept (`OBJECT_STORE_LAYER`). */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ objects }) =>
    objects.layer === "fs" ? FileObjectStore.layer(objects.directory) : GcpObjectStore.layer,
  ),
)
