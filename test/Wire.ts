import { Effect } from "effect"
import { type IncomingHttpHeaders, request as httpRequest } from "node:http"
import { connect } from "node:net"
import type { Readable } from "node:stream"

export interface Sent {
  readonly method?: string
  /** Byte for byte, as no URL parser would leave it. */
  readonly path: string
  /** A value that is a list is sent as that many headers. */
  readonly headers?: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body?: string | Buffer | Readable
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: ReadonlyArray<string>
  readonly body: string
  /** The body as a JSON object. */
  readonly json: () => Record<string, unknown>
}

/** As Node's client takes them: a list is that many headers. */
export const headersOf = (headers: NonNullable<Sent["headers"]>): Record<string, string | Array<string>> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  )

/** One request on a connection of its own. */
export const send = (port: number, sent: Sent): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    const { method = "GET", path, headers = {}, body } = sent
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        headers: headersOf(headers),
      },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("error", (error) => resume(Effect.die(error)))
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString()
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              rawHeaders: response.rawHeaders,
              body: text,
              json: () => JSON.parse(text),
            }),
          )
        })
      },
    )
    request.on("error", (error) => resume(Effect.die(error)))
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) request.end(body)
    else body.pipe(request)
    return Effect.sync(() => request.destroy())
  })

/** Sends bytes on a connection of its own and gives all that comes back until the other side closes. */
export const exchangeRaw = (port: number, bytes: string | Buffer): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let received = ""
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
    socket.setEncoding("latin1")
    socket.on("data", (chunk: string) => {
      received += chunk
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(received)))
    return Effect.sync(() => socket.destroy())
  })
