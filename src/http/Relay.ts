import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import { type Readable, Transform } from "node:stream"
import type { Dispatcher, Pool } from "undici"
import { copyPassing, listedByConnection, passesToClient } from "./Headers.ts"
import { Problem } from "./Problems.ts"
import type { Response } from "./Stage.ts"

/** What is sent upstream for one request. */
export interface Outbound {
  readonly pool: Pool
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Flat list of names and values. */
  readonly headers: Array<string>
  /** Undefined: the client's own body streams through. */
  readonly body: Uint8Array | undefined
  /** For the upstream's first byte and between bytes, in milliseconds; 0 waits for ever. */
  readonly idleTimeout: number
  /** Bytes. */
  readonly bodyLimit: number
  /** Headers the answer gets besides the upstream's. */
  readonly answerHeaders: ReadonlyMap<string, string>
}

/** Stands for an answer that has already gone to the socket. */
export const answered: Response = HttpServerResponse.empty()

/**
 * Streams a request to its upstream and the answer back, socket to socket, with backpressure both ways (SPEC 13).
 *
 * Succeeds once the answer has been written. Fails while nothing has been written: `bad-gateway`,
 * `gateway-timeout`, `payload-too-large`. When the upstream breaks off later the client's connection is reset:
 * that is the one honest signal left. Interruption (the client went away) aborts the upstream.
 */
export const relay = (
  request: IncomingMessage,
  response: ServerResponse,
  outbound: Outbound,
): Effect.Effect<Response, Problem> =>
  Effect.callback((resume) => {
    const exchange = new RelayHandler(request, response, outbound, resume)
    exchange.send()
    return Effect.sync(() => exchange.abort(new Error("The client went away")))
  })

type UpstreamHeaders = Record<string, string | Array<string> | undefined>

class BodyTooLarge extends Error {}

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"])

class RelayHandler implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #outbound: Outbound
  readonly #resume: (effect: Effect.Effect<Response, Problem>) => void
  readonly #hasBody: boolean
  #controller: Dispatcher.DispatchController | undefined
  #aborted: Error | undefined
  #mayRetry: boolean
  #announcesTrailers = false
  /** Bytes of the answer's body still to come; NaN when the upstream did not say. */
  #remaining = Number.NaN

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    outbound: Outbound,
    resume: (effect: Effect.Effect<Response, Problem>) => void,
  ) {
    this.#request = request
    this.#response = response
    this.#outbound = outbound
    this.#resume = resume
    const { headers } = request
    this.#hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined
    this.#mayRetry = safeMethods.has(outbound.method) && !this.#hasBody
  }

  send(): void {
    const { pool, method, target, headers, idleTimeout } = this.#outbound
    pool.dispatch(
      {
        method,
        path: target,
        headers,
        body: this.#body(),
        headersTimeout: idleTimeout,
        bodyTimeout: idleTimeout,
      },
      this,
    )
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }

  /** A declared length was checked against the limit before; an undeclared one is counted as it streams. */
  #body(): Uint8Array | Readable | null {
    if (!this.#hasBody) return null
    if (this.#outbound.body !== undefined) return this.#outbound.body
    if (this.#request.headers.expect !== undefined) this.#response.writeContinue()
    return this.#request.headers["content-length"] !== undefined
      ? this.#request
      : counted(this.#request, this.#outbound.bodyLimit)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // From here on bytes may have reached the upstream: sending again could do the work twice.
    this.#mayRetry = false
    if (this.#aborted !== undefined) controller.abort(this.#aborted)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamHeaders,
    statusMessage?: string,
  ): void {
    // Interim answers (RFC 9110 15.2) end at each hop.
    if (status < 200) return
    this.#announcesTrailers = headers["trailer"] !== undefined
    this.#remaining = Number(headers["content-length"])
    const raw = rawHeaderStrings(controller.rawHeaders)
    const kept = copyPassing(raw, passesToClient, listedByConnection(headers["connection"]?.toString()))
    for (const [name, value] of this.#outbound.answerHeaders) kept.push(name, value)
    this.#response.writeHead(status, statusMessage ?? "", kept)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#remaining -= chunk.length
    // The last bytes and the end in one go: most answers are one chunk, and leave in one system call.
    if (this.#remaining === 0) return void this.#response.end(chunk)
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: UpstreamHeaders): void {
    if (this.#announcesTrailers) {
      this.#response.addTrailers(
        Object.entries(trailers).flatMap(([name, value]) =>
          passesToClient(name) && value !== undefined ? [[name, value.toString()] as [string, string]] : [],
        ),
      )
    }
    if (!this.#response.writableEnded) this.#response.end()
    this.#resume(Effect.succeed(answered))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#aborted !== undefined) return
    if (this.#mayRetry) {
      this.#mayRetry = false
      this.send()
    } else if (this.#response.headersSent) {
      this.#response.destroy()
      this.#resume(
        Effect.as(
          Effect.logWarning("The upstream broke off its answer; the client's connection was reset", error),
          answered,
        ),
      )
    } else {
      this.#resume(Effect.fail(problemOf(error, this.#outbound)))
    }
  }
}

/** undici hands raw headers over as bytes in Latin-1 (RFC 9110 5.5). */
const rawHeaderStrings = (raw: Dispatcher.DispatchController["rawHeaders"]): Array<string> =>
  Array.isArray(raw) ? raw.map((part) => (typeof part === "string" ? part : part.toString("latin1"))) : []

/** The same bytes, ended with an error when they pass the limit. */
const counted = (body: Readable, limit: number): Readable => {
  let bytes = 0
  return body.pipe(
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length
        if (bytes > limit) done(new BodyTooLarge())
        else done(null, chunk)
      },
    }),
  )
}

const timeouts = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])

const problemOf = (error: Error, outbound: Outbound): Problem => {
  if (error instanceof BodyTooLarge) return bodyTooLarge(outbound.bodyLimit)
  if ("code" in error && timeouts.has(String(error.code))) {
    return new Problem({
      slug: "gateway-timeout",
      detail: `The backend did not answer within ${outbound.idleTimeout / 1000} seconds.`,
      cause: error,
    })
  }
  return new Problem({
    slug: "bad-gateway",
    detail: "The backend could not be reached or broke off.",
    cause: error,
  })
}

/** 413 for a body over the limit (bytes). */
export const bodyTooLarge = (limit: number): Problem =>
  new Problem({
    slug: "payload-too-large",
    detail: `The body is larger than ${limit} bytes.`,
    extensions: { limit_bytes: limit },
  })
