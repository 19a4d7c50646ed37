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
    Effect.gen(function* () {
      const { headers, answerHeaders } = yield* Exchange
      const ids = nameRequest(headers, yield* Effect.serviceOption(Tracer.ParentSpan))
      answerHeaders.set("x-correlation-id", ids.correlationId)
      return yield* RequestIds.provide(ids)(app)
    }),
  )
}

const nameRequest = (headers: IncomingHttpHeaders, span: Option.Option<Tracer.AnySpan>): Ids => ({
  correlationId: correlationIdFrom(headers["x-correlation-id"]),
  causationId: randomUUID(),
  requestId: randomUUID(),
  traceparent: traceparentFrom(headers["traceparent"], span),
})

const wellFormedId = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/

/** A client's own correlation id is kept when it is harmless in a log line and a header, else replaced. */
export const correlationIdFrom = (sent: string | ReadonlyArray<string> | undefined): string =>
  typeof sent === "string" && wellFormedId.test(sent) ? sent : randomUUID()

const wellFormedTraceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Our own span when tracing is on; else the client's trace continued, else a new one that nobody samples. */
export const traceparentFrom = (
  sent: string | ReadonlyArray<string> | undefined,
  span: Option.Option<Tracer.AnySpan>,
): string => {
  if (Option.isSome(span)) {
    return `00-${span.value.traceId}-${span.value.spanId}-${span.value.sampled ? "01" : "00"}`
  }
  const spanId = randomHex().slice(16)
  return typeof sent === "string" && wellFormedTraceparent.test(sent)
    ? `${sent.slice(0, 36)}${spanId}${sent.slice(52)}`
    : `00-${randomHex()}-${spanId}-00`
}

/** 32 digits. Node keeps random bytes ready for UUIDs, and asks the kernel each time for anything else. */
const randomHex = (): string => {
  const uuid = randomUUID()
  return uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
}
