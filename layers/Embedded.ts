import { Effect, Layer, Option } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import { type PlantName, startDemoPlant } from "../src/demo/DemoPlant.ts"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import * as Ports from "./Ports.ts"

const orDemo = (url: Option.Option<string>, name: PlantName) =>
  Option.isSome(url) ? Effect.succeed(url.value) : Effect.map(startDemoPlant(name), (demo) => demo.url)

/** The backends as configured; those that are not are demos, started here. */
const upstreams = Layer.effect(
  UpstreamUrls,
  Effect.gen(function* () {
    const { apiUrl, sandboxUrl, directUrl } = (yield* GatewayConfig).plant
    if (Option.isSome(apiUrl)) return { plant: apiUrl.value, sandbox: sandboxUrl, direct: directUrl }
    return {
      plant: (yield* startDemoPlant("plant")).url,
      sandbox: Option.some(yield* orDemo(sandboxUrl, "plant-sandbox")),
      direct: Option.some(yield* orDemo(directUrl, "plant-direct")),
    }
  }),
)

/** A whole gateway on a bare machine: nothing but Node is needed. */
export const layer = Layer.mergeAll(upstreams, Ports.layer)
