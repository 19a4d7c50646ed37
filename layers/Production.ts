import { Layer } from "effect"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import * as Ports from "./Ports.ts"

/** Everything outside the process, where the configuration says. */
export const layer = Layer.mergeAll(UpstreamUrls.layerConfigured, Ports.layer)
