import { Effect, Layer, Option } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import { startDemoPlant } from "../src/demo/DemoPlant.ts"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import * as Ports from "./Ports.ts"

/** The backends as configured; those that are not are demos, started here. */
const upstreams = Layer.effect(
  UpstreamUrls,
  Effect.gen(function* () {
    const { plant } = yield* GatewayConfig
    if (Option.isSome(plant.apiUrl)) return { plant: plant.apiUrl.value, sandbox: plant.sandboxUrl }
    const demo = yield* startDemoPlant("plant")
    const sandbox = Option.isSome(plant.sandboxUrl)
      ? plant.sandboxUrl.value
      : (yield* startDemoPlant("plant-sandbox")).url
    return { plant: demo.url, sandbox: Option.some(sandbox) }
  }),
)

/** A whole gateway on a bare machine: nothing but Node is needed. */
export const layer = Layer.mergeAll(upstreams, Ports.layer)
