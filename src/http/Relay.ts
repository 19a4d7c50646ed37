import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Dispatcher } from "undici"
import { countPassed } from "./DeadBuffers.ts"
import { copyPassing, listedByConnection, passesToClient } from "./Headers.ts"
import { Problem } from "./Problems.ts"
import { askForBody, hasBody } from "./RequestBody.ts"
import type { Response } from "./Stage.ts"
import { BodyTooLarge, Upload, UploadCutShort } from "./Upload.ts"
import type { UpstreamPool } from "./Upstreams.ts"

/** What is sent upstream for one request. */
export interface Outbound {
  readonly pool: UpstreamPool
  readonly method: string
  /** Path and query, byte for byte. */
  readonly target: string
  /** Flat list of names and values. */
  readonly headers: Array<string>
  /** Undefined: the client's own body streams through. */
  readonly body: Uint8Array | undefined
  /** For a free connection, the upstream's first byte, and between bytes, in milliseconds; 0 waits for ever. */
  readonly idleTimeout: number
  /** Bytes. */
  readonly bodyLimit: number
  /** Headers the answer gets besides the upstream's. */
  readonly answerHeaders: ReadonlyMap<string, string>
  /** Called once with the status, as soon as the final answer's head has come. */
  readonly heard: (status: number) => void
}

/** Stands for an answer that has already gone to the socket. */
export const answered: Response = HttpServerResponse.empty()
const relayed = Effect.succeed(answered)

/**
 * Streams a request to its upstream and the answer back, socket to socket, with backpressure both ways (SPEC 13).
 *
 * Succeeds once the answer has been written. Fails while nothing has been written: `bad-gateway`,
 * `gateway-timeout`, `payload-too-large`, and `service-unavailable` when no connection became free in time. When
 * the upstream breaks off later the client's connection is reset: that is the one honest signal left. Interruption
 * (the client went away) aborts the upstream.
 */
export const relay = (
  request: IncomingMessage,
  response: ServerResponse,
  outbound: Outbound,
): Effect.Effect<Response, Problem> =>
  Effect.suspend(() => {
    const exchange = new RelayHandler(request, response, outbound)
    const answer = Effect.callback<Response, Problem>((resume) => {
      exchange.begin(resume)
      return Effect.sync(() => exchange.abort())
    })
    // undici's clock starts with a connection; only a request that may not get one needs another.
    return outbound.pool.isSaturated && outbound.idleTimeout > 0
      ? Effect.raceFirst(answer, exchange.patience)
      : answer
  })

type UpstreamHeaders = Record<string, string | Array<string> | undefined>

/** Bytes up to which copying a body is cheaper than a second buffer. */
const joinedLimit = 16_384

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"])

/** One is made for each request, so it has no methods that are private to the language: V8 would brand every instance. */
class RelayHandler implements Dispatcher.DispatchHandler {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #outbound: Outbound
  readonly #hasBody: boolean
  #resume: (effect: Effect.Effect<Response, Problem>) => void = () => {}
  #upload: Upload | undefined
  #controller: Dispatcher.DispatchController | undefined
  #aborted = false
  #mayRetry: boolean
  #sendsTrailers = false
  #bodyBegun = false
  /** Bytes of the answer's body still to come; NaN when the upstream did not say. */
  #remaining = Number.NaN

  constructor(request: IncomingMessage, response: ServerResponse, outbound: Outbound) {
    this.#request = request
    this.#response = response
    this.#outbound = outbound
    this.#hasBody = hasBody(request)
    this.#mayRetry = safeMethods.has(outbound.method) && !this.#hasBody
  }

  /** Sends the request; `resume` is called once, with the outcome. */
  begin(resume: (effect: Effect.Effect<Response, Problem>) => void): void {
    this.#resume = resume
    this.send()
  }

  /** Gives the request up, wherever it is. */
  abort(): void {
    this.#aborted = true
    this.#controller?.abort(new Error("The request was given up"))
    this.#upload?.destroy()
  }

  /** Fails when there is no connection in time, and otherwise never ends. */
  get patience(): Effect.Effect<never, Problem> {
    const { idleTimeout } = this.#outbound
    return Effect.flatMap(Effect.sleep(idleTimeout), () =>
      this.#controller === undefined ? Effect.fail(noConnection(idleTimeout)) : Effect.never,
    )
  }

  private send(): void {
    const { pool, method, target, headers } = this.#outbound
    pool.dispatch({ method, path: target, headers, body: this.body() }, this)
  }

  private body(): Uint8Array | Upload | null {
    if (!this.#hasBody) return null
    if (this.#outbound.body !== undefined) return this.#outbound.body
    askForBody(this.#request, this.#response)
    this.#upload = new Upload(this.#request, this.#outbound.bodyLimit)
    return this.#upload
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, it ends this request; an abort here would take a good connection with it.
    if (this.#aborted) throw new Error("The request was given up while it waited for a connection")
    this.#controller = controller
    // From here on bytes may have reached the upstream: sending again could do the work twice.
    this.#mayRetry = false
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamHeaders,
    statusMessage?: string,
  ): void {
    // Interim answers (RFC 9110 15.2) end at each hop.
    if (status < 200) return
    this.#outbound.heard(status)
    const announcesTrailers = headers["trailer"] !== undefined
    this.#sendsTrailers = announcesTrailers && this.hasRoomForTrailers(status, headers)
    this.#remaining = Number(headers["content-length"])
    const kept = copyPassing(
      rawList(controller.rawHeaders),
      announcesTrailers && !this.#sendsTrailers ? passesWithoutTrailers : passesToClient,
      listedByConnection(headers["connection"]?.toString()),
    )
    for (const [name, value] of this.#outbound.answerHeaders) kept.push(name, value)
    // undici reads the reason as UTF-8, so beyond ASCII its bytes are lost; Node then puts the status's own.
    if (statusMessage !== undefined && ascii.test(statusMessage)) {
      this.#response.writeHead(status, statusMessage, kept)
    } else this.#response.writeHead(status, kept)
    // A body of known length is on its way already; its head goes out with its first bytes.
    if (Number.isNaN(this.#remaining)) setImmediate(RelayHandler.#flushHead, this)
  }

  /** A head does not wait for its body: who opens an event stream must learn that it is open. */
  static #flushHead(this: void, exchange: RelayHandler): void {
    if (!exchange.#bodyBegun && !exchange.#response.writableEnded) exchange.#response.flushHeaders()
  }

  /** Trailers follow chunks alone (RFC 9112 7.1.2), and HTTP/1.0 has none. */
  private hasRoomForTrailers(status: number, headers: UpstreamHeaders): boolean {
    return (
      headers["transfer-encoding"] !== undefined &&
      this.#request.httpVersion === "1.1" &&
      this.#outbound.method !== "HEAD" &&
      status !== 204 &&
      status !== 304
    )
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBegun = true
    countPassed(chunk.length)
    this.#remaining -= chunk.length
    if (this.#remaining === 0) return this.endWith(chunk)
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  /**
   * The last bytes and the end in one go. As Latin-1 text, which is byte for byte, Node joins a short body to the
   * head and writes both at once: a tenth of a request's CPU less than gathering two buffers.
   */
  private endWith(chunk: Buffer): void {
    if (chunk.length <= joinedLimit) this.#response.end(chunk.toString("latin1"), "latin1")
    else this.#response.end(chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#sendsTrailers) {
      this.#response.addTrailers(
        pairs(copyPassing(rawList(controller.rawTrailers), passesToClient, undefined)),
      )
    }
    if (!this.#response.writableEnded) this.#response.end()
    this.#resume(relayed)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#upload?.destroy()
    if (this.#aborted) return
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
      this.#resume(Effect.fail(problemOf(error, this.#outbound, this.#request)))
    }
  }
}

/** undici gives a list, and its types allow a record too. */
const rawList = (raw: Dispatcher.DispatchController["rawHeaders"]): ReadonlyArray<string | Buffer> =>
  Array.isArray(raw) ? raw : []

const pairs = (flat: ReadonlyArray<string>): Array<[string, string]> =>
  flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ""] satisfies [string, string]] : [],
  )

const ascii = /^[\t\x20-\x7e]*$/

const passesWithoutTrailers = (name: string): boolean =>
  passesToClient(name) && name.toLowerCase() !== "trailer"

const timeouts = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"])

const problemOf = (error: Error, outbound: Outbound, { complete }: IncomingMessage): Problem => {
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
    cause:
      !complete && "code" in error && error.code === "UND_ERR_SOCKET"
        ? new UploadCutShort("The backend broke off an upload.", { cause: error })
        : error,
  })
}

/** A full pool says nothing of the upstream, and nothing has been sent: the client may come again. */
const noConnection = (idleTimeout: number): Problem =>
  new Problem({
    slug: "service-unavailable",
    detail: `No connection to the backend became free within ${idleTimeout / 1000} seconds.`,
    headers: { "retry-after": "1" },
  })

/** 413 for a body over the limit (bytes). */
export const bodyTooLarge = (limit: number): Problem =>
  new Problem({
    slug: "payload-too-large",
    detail: `The body is larger than ${limit} bytes.`,
    extensions: { limit_bytes: limit },
  })
