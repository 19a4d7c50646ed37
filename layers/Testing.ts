import { Context, Effect, Layer, Option } from "effect"
import { type DemoPlantShape, type Handler, startDemoPlant } from "../src/demo/DemoPlant.ts"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import * as Ports from "./Ports.ts"

/** The upstreams of a test, with what reached them. */
export class RecordingUpstreams extends Context.Service<
  RecordingUpstreams,
  { readonly plant: DemoPlantShape; readonly sandbox: DemoPlantShape }
>()("gateway/layers/RecordingUpstreams") {}

/** The embedded world with upstreams that record, and that misbehave as the handlers say. */
export const layer = (handlers: { readonly plant?: Handler; readonly sandbox?: Handler } = {}) => {
  const recording = Layer.effect(
    RecordingUpstreams,
    Effect.gen(function* () {
      return {
        plant: yield* startDemoPlant("plant", handlers.plant),
        sandbox: yield* startDemoPlant("plant-sandbox", handlers.sandbox),
      }
    }),
  )
  const urls = Layer.effect(
    UpstreamUrls,
    Effect.map(RecordingUpstreams, ({ plant, sandbox }) => ({
      plant: plant.url,
      sandbox: Option.some(sandbox.url),
    })),
  )
  return Layer.mergeAll(urls, Ports.layer).pipe(Layer.provideMerge(recording))
}
