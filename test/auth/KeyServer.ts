import { Effect } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A real HTTP server in the place of an issuer's key set. */
export interface KeyServer {
  readonly url: string
  /** Requests so far. */
  fetches: number
  /** How the next requests are answered. */
  answer: (response: ServerResponse) => void
}

/** Answers with a key set. */
export const serving =
  (keys: ReadonlyArray<unknown>): KeyServer["answer"] =>
  (response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }))
  }

/** Breaks the connection off. */
export const broken: KeyServer["answer"] = (response) => {
  response.destroy()
}

export const startKeyServer = (answer: KeyServer["answer"]) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly keys: KeyServer }>(
      (resume) => {
        const server = createServer((_, response) => {
          keys.fetches++
          keys.answer(response)
        })
        let url = ""
        const keys: KeyServer = {
          get url() {
            return url
          },
          fetches: 0,
          answer,
        }
        server.listen(0, "127.0.0.1", () => {
          // A server that listens on a port has an address of this form.
          url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
          resume(Effect.succeed({ server, keys }))
        })
      },
    ),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      }),
  ).pipe(Effect.map(({ keys }) => keys))
