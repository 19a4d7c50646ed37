import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import { countPassed } from "./DeadBuffers.ts"

/** The body is over the limit. */
export class BodyTooLarge extends Error {}

/**
 * The upstream ended a connection on which the client's body was still coming: as likely as not because it was tired of
 * waiting for the client, so it does not show that the upstream is away.
 */
export class UploadCutShort extends Error {}

/**
 * A client's body on its way upstream: the same chunks, with backpressure, ended with `BodyTooLarge` when they pass
 * `limit` bytes.
 *
 * It stands in for the request because undici destroys a body of which it needs no more, when the upstream answers
 * early or breaks off. A destroyed request leaves the rest of the body unread on a connection that looks alive; a
 * request that is only left behind is drained or closed once the answer is out.
 */
export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #limit: number
  #bytes = 0

  constructor(request: IncomingMessage, limit: number) {
    super()
    this.#request = request
    this.#limit = limit
    request.on("data", this.#onData).on("end", this.#onEnd)
    // undici listens from when it has a connection, and reads then that it broke off; before, this would end the process.
    this.on("error", () => {})
  }

  override _read(): void {
    this.#request.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#request.off("data", this.#onData).off("end", this.#onEnd)
    done(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    countPassed(chunk.length)
    if (this.#bytes > this.#limit) this.destroy(new BodyTooLarge())
    else if (!this.push(chunk)) this.#request.pause()
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }
}
