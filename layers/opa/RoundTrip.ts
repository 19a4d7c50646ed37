import { Effect } from "effect"
import type { Dispatcher, Pool } from "undici"

/** A whole HTTP answer. */
export interface Reply {
  readonly status: number
  readonly text: string
}

/**
 * One request and its whole answer. Fails with undici's error. Interruption aborts it. By `dispatch`, because
 * `Pool.request` makes streams that nobody needs here: a quarter of what a query costs this process.
 */
export const roundTrip = (pool: Pool, options: Dispatcher.DispatchOptions): Effect.Effect<Reply, Error> =>
  Effect.callback((resume) => {
    const handler = new ReplyHandler(resume)
    pool.dispatch(options, handler)
    return Effect.sync(() => handler.abort())
  })

class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #resume: (reply: Effect.Effect<Reply, Error>) => void
  readonly #chunks: Array<Buffer> = []
  #controller: Dispatcher.DispatchController | undefined
  #status = 0

  constructor(resume: (reply: Effect.Effect<Reply, Error>) => void) {
    this.#resume = resume
  }

  abort(): void {
    this.#controller?.abort(new Error("Nobody waits for the answer."))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }
  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }
  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }
  onResponseEnd(): void {
    this.#resume(Effect.succeed({ status: this.#status, text: Buffer.concat(this.#chunks).toString() }))
  }
  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#resume(Effect.fail(error))
  }
}
