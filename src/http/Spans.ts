import { Effect, Option } from "effect"
import { HttpMiddleware, HttpServerRequest, HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Exchange } from "./Exchange.ts"
import { libraryRequest } from "./LibraryRequest.ts"
import { answered } from "./Relay.ts"
import type { App } from "./Stage.ts"

/** How the pipeline shows in a trace (SPEC 13). Chosen once: without a collector all give back what they were given. */
export interface Spans {
  /** A stage whose work is a span within that of the stage around it. */
  readonly stage: <S extends (inner: never) => App<unknown>>(name: string, stage: S) => S
  /** The same for an application inside them all. */
  readonly application: <R>(name: string, app: App<R>) => App<R>
  /** The whole request as a span within the client's trace. */
  readonly request: <R>(app: App<R>) => App<R | Exchange>
}

const off: Spans = {
  stage: (_name, stage) => stage,
  application: (_name, app) => app,
  request: (app) => app,
}

const on: Spans = {
  // A span changes nothing in a type but a need of a parent span, which no application has.
  stage: <S extends (inner: never) => App<unknown>>(name: string, stage: S) =>
    ((inner: never) => Effect.withSpan(stage(inner), `gateway.${name}`)) as unknown as S,
  application: <R>(name: string, app: App<R>) => Effect.withSpan(app, `gateway.${name}`) as App<R>,
  request: (app) =>
    Exchange.use((exchange) => {
      const { request } = exchange
      // The tracer must see the status that the relay has already sent.
      const withStatus = Effect.map(app, (response) =>
        response === answered ? HttpServerResponse.empty({ status: exchange.response.statusCode }) : response,
      )
      return Effect.provideService(
        HttpMiddleware.tracer(withStatus),
        HttpServerRequest.HttpServerRequest,
        libraryRequest(exchange, request.url ?? ""),
      )
    }),
}

/** By `OTEL_EXPORTER_OTLP_ENDPOINT`. */
export const makeSpans = Effect.map(GatewayConfig, ({ telemetry }) =>
  Option.isSome(telemetry.otlpUrl) ? on : off,
)
