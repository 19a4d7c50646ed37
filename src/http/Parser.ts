import { randomUUID } from "node:crypto"
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { Problem, problemDocument, type Slug } from "./Problems.ts"

/**
 * Answers what Node's parser refuses before any stage can see it (SPEC 10), straight on the socket, and closes.
 * A socket on which an answer has begun is only closed: two answers would be read as one.
 */
export const refuseGarbage = (error: Error & { readonly code?: string }, socket: Duplex): void => {
  if (!socket.writable || error.code === "ECONNRESET" || answerHasBegun(socket)) {
    socket.destroy()
    return
  }
  const problem = new Problem(refusals[error.code ?? ""] ?? malformed)
  const { head, body } = written(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      Object.entries({ ...head, connection: "close", date: new Date().toUTCString() })
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("") +
      `\r\n${body}`,
  )
}

/** Answers an `Expect` other than `100-continue` (RFC 9110 10.1.1). */
export const refuseExpectation = (_request: IncomingMessage, response: ServerResponse): void => {
  const problem = new Problem({
    slug: "expectation-failed",
    detail: "The only expectation served is 100-continue.",
  })
  const { head, body } = written(problem)
  response.writeHead(problem.status, { ...head, connection: "close" }).end(body)
}

const malformed: { readonly slug: Slug; readonly detail: string } = {
  slug: "bad-request",
  detail: "The request is not well-formed HTTP/1.1.",
}

/** By Node's error codes (doc/api/errors.md; llhttp's begin with HPE). */
const refusals: Readonly<Record<string, { readonly slug: Slug; readonly detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    slug: "header-fields-too-large",
    detail: "The request's headers are larger than the limit.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    slug: "request-timeout",
    detail: "The request was not sent within the time allowed.",
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    slug: "payload-too-large",
    detail: "The chunk extensions are larger than the limit.",
  },
}

const written = (problem: Problem) => {
  const correlationId = randomUUID()
  const { body, contentType, headers } = problemDocument(problem, {
    accept: undefined,
    instance: "",
    correlationId,
    revealCause: false,
  })
  return {
    body,
    head: {
      ...headers,
      "content-type": contentType,
      "content-length": String(Buffer.byteLength(body)),
      "x-correlation-id": correlationId,
    },
  }
}

/** Node keeps the response that a socket is busy with in `_httpMessage`; its own default handler asks there too. */
const answerHasBegun = (socket: Duplex): boolean =>
  "_httpMessage" in socket &&
  (socket._httpMessage as { readonly headersSent?: boolean } | null)?.headersSent === true
