import { Context, Effect, Layer, Option, Tracer } from "effect"
import { randomUUID } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { Exchange } from "./Exchange.ts"
import { type Ids, RequestIds } from "./RequestIds.ts"
import type { Stage } from "./Stage.ts"

/** Names every request: in logs (which read `RequestIds`), in the answer, and upstream (SPEC 13). */
export class CorrelationStage extends Context.Service<CorrelationStage, Stage<RequestIds, Exchange>>()(
  "gateway/http/CorrelationStage",
) {
  static readonly layer = Layer.succeed(this, (app) =>
    Effect.withFiber((fiber) => {
      const exchange = Context.getUnsafe(fiber.context, Exchange)
      const ids = nameRequest(exchange.request.headers, Context.getOption(fiber.context, Tracer.ParentSpan))
      exchange.answerHeaders.set("x-correlation-id", ids.correlationId)
      return RequestIds.provide(exchange, ids)(app)
    }),
  )
}

const nameRequest = (headers: IncomingHttpHeaders, span: Option.Option<Tracer.AnySpan>): Ids => {
  const serial = nextSerial()
  return {
    correlationId: correlationIdFrom(headers["x-correlation-id"]),
    causationId: causationPrefix + serial,
    requestId: requestPrefix + serial,
    traceparent: Option.isSome(span)
      ? traceparentOf(span.value)
      : continuedTrace(headers["traceparent"], tracePrefix + serial, spanPrefix + serial),
  }
}

/**
 * Ids of this hop are unique, not secret: what is random in them is drawn once, for the process, and a count of 48
 * bits tells its requests apart. They have the form of a UUID (RFC 9562 version 4), a trace id and a span id.
 */
const nextSerial = (): string => (++count).toString(16).padStart(12, "0")
let count = 0
const requestPrefix = randomUUID().slice(0, 24)
const causationPrefix = randomUUID().slice(0, 24)
const tracePrefix = randomUUID().replaceAll("-", "").slice(0, 20)
const spanPrefix = randomUUID().slice(0, 4)

const wellFormedId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** A client's own correlation id is kept when it is harmless in a log line and a header, else replaced. */
const correlationIdFrom = (sent: string | ReadonlyArray<string> | undefined): string =>
  typeof sent === "string" && wellFormedId.test(sent) ? sent : randomUUID()

const traceparentOf = ({ traceId, spanId, sampled }: Tracer.AnySpan): string =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`

const wellFormedTraceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The client's trace with our span in it, or a new one that nobody samples (W3C Trace Context 3.2). */
const continuedTrace = (
  sent: string | ReadonlyArray<string> | undefined,
  traceId: string,
  spanId: string,
): string =>
  typeof sent === "string" && wellFormedTraceparent.test(sent)
    ? `${sent.slice(0, 36)}${spanId}${sent.slice(52)}`
    : `00-${traceId}-${spanId}-00`
