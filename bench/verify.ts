/** Checks that a rung is a proxy that delivers, before anything about it is measured. */
import { body, requestPath } from "./answer.ts"
import type { Headers } from "./types.ts"

/** Throws unless the rung answers with the upstream's status, body and own headers. */
export const verify = async (url: string, headers: Headers): Promise<void> => {
  const response = await fetch(url + requestPath, { headers })
  const text = await response.text()
  if (response.status !== 200) {
    throw new Error(`GET ${requestPath} answered ${response.status}: ${text.slice(0, 300)}`)
  }
  if (text !== body) throw new Error(`GET ${requestPath} did not answer with the upstream's body`)
  if (response.headers.get("x-served-by") !== "bench-upstream") {
    throw new Error(`GET ${requestPath} lost the upstream's header x-served-by`)
  }
}
