import { Context, Effect, Layer, Option } from "effect"
import { type DemoPlantShape, type Handler, startDemoPlant } from "../src/demo/DemoPlant.ts"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import * as Ports from "./Ports.ts"

/** The upstreams of a test, with what reached them. */
export class RecordingUpstreams extends Context.Service<
  RecordingUpstreams,
  { readonly plant: DemoPlantShape; readonly sandbox: DemoPlantShape; readonly direct: DemoPlantShape }
>()("gateway/layers/RecordingUpstreams") {}

/** What the upstreams do instead of answering as the demos do. */
export interface Handlers {
  readonly plant?: Handler
  readonly sandbox?: Handler
  readonly direct?: Handler
}

/** The embedded world with upstreams that record, and that misbehave as the handlers say. */
export const layer = (handlers: Handlers = {}) => {
  const recording = Layer.effect(
    RecordingUpstreams,
    Effect.gen(function* () {
      return {
        plant: yield* startDemoPlant("plant", handlers.plant),
        sandbox: yield* startDemoPlant("plant-sandbox", handlers.sandbox),
        direct: yield* startDemoPlant("plant-direct", handlers.direct),
      }
    }),
  )
  const urls = Layer.effect(
    UpstreamUrls,
    Effect.map(RecordingUpstreams, ({ plant, sandbox, direct }) => ({
      plant: plant.url,
      sandbox: Option.some(sandbox.url),
      direct: Option.some(direct.url),
    })),
  )
  return Layer.mergeAll(urls, Ports.layer).pipe(Layer.provideMerge(recording))
}
