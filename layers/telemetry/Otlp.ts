import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Layer } from "effect"
import { Otlp } from "effect/observability"

/** Sends traces, logs and metrics to an OTLP collector (`http(s)://host:port`). */
export const exportTo = (baseUrl: string) =>
  Otlp.layerJson({ baseUrl, resource: { serviceName: "constitutional-gateway" } }).pipe(
    Layer.provide(NodeHttpClient.layerUndici),
  )
