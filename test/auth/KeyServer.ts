import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { startHttpServer } from "../HttpServer.ts"

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

export const startKeyServer = Effect.fnUntraced(function* (answer: KeyServer["answer"]) {
  const { url } = yield* startHttpServer((_, response) => {
    keys.fetches++
    keys.answer(response)
  })
  const keys: KeyServer = { url: `${url}/jwks.json`, fetches: 0, answer }
  return keys
})
