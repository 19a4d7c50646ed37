import { Context, Effect, Formatter, Layer, Logger, Option, References } from "effect"
import { HttpMiddleware, UrlParams } from "effect/http"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { Exchange } from "../../src/http/Exchange.ts"
import { RequestIds } from "../../src/http/RequestIds.ts"

/**
 * One JSON object a line. A line written while a request is handled says which: the names are read from the
 * request when a line is written, so a request that logs nothing pays nothing.
 */
const json = Logger.withConsoleLog(
  Logger.make((options) => {
    const { annotations, ...entry } = Logger.formatStructured.log(options)
    const exchange = Context.getOption(options.fiber.context, Exchange)
    const ids = Option.flatMap(exchange, (request) => RequestIds.in(request))
    // Not JSON.stringify: errors would be empty, and what refers to itself would fail the request.
    return Formatter.formatJson({
      ...entry,
      ...annotations,
      ...(Option.isSome(ids)
        ? { correlation_id: ids.value.correlationId, trace_id: ids.value.traceparent.slice(3, 35) }
        : {}),
    })
  }),
)

/** Logs to standard output: JSON lines for machines, or coloured text for a developer's terminal. */
export const logs = Layer.unwrap(
  Effect.map(GatewayConfig, ({ log }) =>
    Layer.mergeAll(
      Logger.layer([log.format === "json" ? json : Logger.consolePretty()]),
      Layer.succeed(References.MinimumLogLevel, log.level),
    ),
  ),
)

/** Traces, logs and metrics by OTLP where a collector is named; otherwise no span is made at all. */
const traces = Layer.unwrap(
  Effect.gen(function* () {
    const { otlpUrl } = (yield* GatewayConfig).telemetry
    if (Option.isNone(otlpUrl)) return Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true)
    // Loaded only where it is used: it would double the time that a start takes.
    const { exportTo } = yield* Effect.promise(() => import("./Otlp.ts"))
    return Layer.mergeAll(
      exportTo(otlpUrl.value),
      // Headers and queries hold what no collector needs to know.
      Layer.succeed(HttpMiddleware.TracerHeaderFilter, () => false),
      Layer.succeed(UrlParams.CurrentRedactedNames, [/./]),
    )
  }),
)

export const layer = Layer.mergeAll(logs, traces)
