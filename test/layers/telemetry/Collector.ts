import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"

/** A span as OTLP's JSON has it, as far as tests read it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: unknown }>
}

/** An OTLP collector that keeps what it is sent. */
export const startCollector = Effect.acquireRelease(
  Effect.callback<{
    readonly url: string
    readonly spans: () => ReadonlyArray<CollectedSpan>
    /** Everything that was sent to a path, as text. */
    readonly sentTo: (path: string) => string
    readonly close: Effect.Effect<void>
  }>((resume) => {
    const bodies: Array<readonly [path: string, body: string]> = []
    const server = createServer((request, response) => {
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
    server.listen(0, "127.0.0.1", () => {
      // A server that listens on a port has an AddressInfo.
      const { port } = server.address() as AddressInfo
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${port}`,
          spans: () => sent("/v1/traces").flatMap((body) => spansIn(JSON.parse(body))),
          sentTo: (path: string) => sent(path).join("\n"),
          close: Effect.callback<void>((closed) => {
            server.closeAllConnections()
            server.close(() => closed(Effect.void))
          }),
        }),
      )
    })
  }),
  ({ close }) => close,
)

/** OTLP nests them in resources and scopes. */
const spansIn = (body: {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<CollectedSpan> }>
  }>
}): ReadonlyArray<CollectedSpan> =>
  body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
