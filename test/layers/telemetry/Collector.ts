import { Effect } from "effect"
import { gunzipSync } from "node:zlib"
import { startHttpServer } from "../../HttpServer.ts"

/** A span as OTLP's JSON has it, as far as tests read it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: unknown }>
}

/** An OTLP collector that keeps what it is sent. */
export const startCollector = Effect.gen(function* () {
  const bodies: Array<readonly [path: string, body: string]> = []
  const { url } = yield* startHttpServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const bytes = Buffer.concat(chunks)
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes
      bodies.push([request.url ?? "", body.toString()])
      response.setHeader("content-type", "application/json").end("{}")
    })
  })
  const sent = (path: string) => bodies.flatMap(([to, body]) => (to === path ? [body] : []))
  return {
    url,
    spans: () => sent("/v1/traces").flatMap((body) => spansIn(JSON.parse(body))),
    /** Everything that was sent to a path, as text. */
    sentTo: (path: string) => sent(path).join("\n"),
  }
})

/** OTLP nests them in resources and scopes. */
const spansIn = (body: {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<CollectedSpan> }>
  }>
}): ReadonlyArray<CollectedSpan> =>
  body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
