/**
 * A minimal but correct pass-through: node:http in front, undici's dispatch behind. It strips hop-by-hop
 * headers, respects backpressure both ways and aborts the upstream request when the client leaves.
 * Usage: node undici.ts <port> <upstream origin>
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { type Dispatcher, Pool } from "undici"

const [port, upstream] = process.argv.slice(2)
if (port === undefined || upstream === undefined) throw new Error("usage: undici.ts <port> <upstream origin>")

const pool = new Pool(upstream, { connections: 128, pipelining: 1, keepAliveTimeout: 60_000 })

/** Never forwarded; `host` and `expect` belong to one hop too, for a proxy that answers 100-continue. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
])
const notRequested = new Set([...hopByHop, "host", "expect"])

/** The names listed in a Connection header, which are hop-by-hop as well. */
const listedIn = (connection: string | string[] | undefined): ReadonlyArray<string> =>
  connection === undefined || connection === "keep-alive" || connection === "close"
    ? []
    : String(connection)
        .split(",")
        .map((name) => name.trim().toLowerCase())

/** Flat names and values of the headers that may pass. */
const forwardable = (
  headers: Record<string, string | string[] | undefined>,
  dropped: ReadonlySet<string>,
): string[] => {
  const listed = listedIn(headers["connection"])
  const flat: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || dropped.has(name) || listed.includes(name)) continue
    if (typeof value === "string") flat.push(name, value)
    else for (const one of value) flat.push(name, one)
  }
  return flat
}

const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0

const fail = (response: ServerResponse): void => {
  if (response.headersSent) return void response.destroy()
  response.writeHead(502, ["content-length", "0"])
  response.end()
}

const forward = (request: IncomingMessage, response: ServerResponse): void => {
  let controller: Dispatcher.DispatchController | undefined
  let finished = false

  response.on("close", () => {
    if (!finished) controller?.abort(new Error("client left"))
  })
  response.on("drain", () => controller?.resume())

  pool.dispatch(
    {
      path: request.url ?? "/",
      method: request.method ?? "GET",
      headers: forwardable(request.headers, notRequested),
      body: hasBody(request) ? request : null,
    },
    {
      onRequestStart(started) {
        controller = started
        if (response.destroyed) started.abort(new Error("client left"))
      },
      onResponseStart(_, status, headers) {
        if (status >= 200) response.writeHead(status, forwardable(headers, hopByHop))
      },
      onResponseData(current, chunk) {
        if (!response.write(chunk)) current.pause()
      },
      onResponseEnd() {
        finished = true
        response.end()
      },
      onResponseError() {
        finished = true
        fail(response)
      },
    },
  )
}

createServer((request, response) => {
  try {
    forward(request, response)
  } catch {
    fail(response)
  }
}).listen(Number(port), "127.0.0.1")
