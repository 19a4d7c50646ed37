import * as NodeStream from "@effect/platform-node/NodeStream"
import { Stream } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { ExchangeShape } from "./Exchange.ts"
import { Problem } from "./Problems.ts"

/** Whether a request has a body, of whatever length (RFC 9112 6). */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined

/** Asks a client that waits for it (`Expect: 100-continue`, RFC 9110 10.1.1) to send its body. */
export const askForBody = (request: IncomingMessage, response: ServerResponse): void => {
  // HTTP/1.0 knows no interim answers.
  if (request.headers.expect !== undefined && request.httpVersion === "1.1") response.writeContinue()
}

/** The client's body, for what must read it here; what passes it on takes `Upload`. */
export const bodyOf = ({ request, response }: ExchangeShape): Stream.Stream<Uint8Array, Problem> =>
  Stream.suspend(() => {
    askForBody(request, response)
    // Whoever stops reading takes the library's listener away, and an error that is on its way then ends the process.
    request.on("error", () => {})
    return NodeStream.fromReadable<Uint8Array, Problem>({
      evaluate: () => request,
      onError: (cause) => new Problem({ slug: "bad-request", detail: "The body broke off.", cause }),
      // Destroyed, it would leave the rest of the body unread on a connection that looks alive.
      closeOnDone: false,
    })
  })
