import type { ServerResponse } from "node:http"
import type { ExchangeShape } from "./Exchange.ts"
import { answered } from "./Relay.ts"
import type { Response } from "./Stage.ts"
import { closesConnection } from "./UnreadBody.ts"

/**
 * Writes the answer that a stage has given as a value, with the headers that every answer to this exchange carries.
 * Throws when Node does not take it; then nothing has been written.
 */
export const writeAnswer = (exchange: ExchangeShape, answer: Response): void => {
  const { request, response, answerHeaders } = exchange
  if (answer === answered || response.writableEnded || response.destroyed) return
  // The relay has begun another answer and was interrupted: a reset is the one honest sign left.
  if (response.headersSent) return void response.destroy()
  const { body } = answer
  if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
    throw new Error(`The gateway's own answers are of one piece; this one is of kind ${body._tag}.`)
  }
  response.statusCode = answer.status
  for (const name in answer.headers) response.setHeader(name, answer.headers[name] ?? "")
  for (const [name, value] of answerHeaders) response.setHeader(name, value)
  if (closesConnection(request)) response.setHeader("connection", "close")
  // Text is joined to the head, and both are one write.
  response.end(body._tag === "Empty" ? undefined : (body.text ?? body.body))
}

/** Answers with a bare 500 what could not be answered otherwise. */
export const writeFailure = (response: ServerResponse): void => {
  if (response.headersSent) return void response.destroy()
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.statusCode = 500
  response.end()
}
