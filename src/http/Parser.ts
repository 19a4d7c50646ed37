import type { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { STATUS_CODES } from "node:http"
import type { Duplex } from "node:stream"
import { closeGently } from "./CloseGently.ts"
import { responseOn } from "./Connections.ts"
import { Problem, problemDocument, type Slug } from "./Problems.ts"

/**
 * Answers what Node's parser refuses before any stage can see it (SPEC 10), straight on the socket, and closes.
 * A socket on which an answer has begun is only closed: two answers would be read as one.
 */
export const refuseGarbage =
  (run: Run) =>
  (error: Error & { readonly code?: string }, socket: Duplex): void => {
    if (!socket.writable || error.code === "ECONNRESET" || responseOn(socket)?.headersSent === true) {
      socket.destroy()
      return
    }
    refuse(run, socket, refusals[error.code ?? ""] ?? malformed)
  }

/**
 * Answers CONNECT: a gateway is no forward proxy, so there is no tunnel to ask for. A socket that owes another answer is
 * only closed, as above.
 */
export const refuseTunnel =
  (run: Run) =>
  (_request: unknown, socket: Duplex): void => {
    // Node has let go of the socket, and a client that resets it now would end the process.
    socket.on("error", () => {})
    if (responseOn(socket) === undefined) refuse(run, socket, tunnel)
    else socket.destroy()
  }

interface Run {
  (effect: Effect.Effect<void>): void
}

interface Refusal {
  readonly slug: Slug
  readonly detail: string
}

const tunnel: Refusal = { slug: "bad-request", detail: "CONNECT is not served: this is no forward proxy." }

const malformed: Refusal = {
  slug: "bad-request",
  detail: "The request is not well-formed HTTP/1.1.",
}

/** By Node's error codes (doc/api/errors.md; llhttp's begin with HPE). */
const refusals: Readonly<Record<string, Refusal>> = {
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

const refuse = (run: Run, socket: Duplex, refusal: Refusal): void => {
  const problem = new Problem(refusal)
  const correlationId = randomUUID()
  const { body, contentType, headers } = problemDocument(problem, {
    accept: undefined,
    instance: "",
    correlationId,
    revealCause: false,
  })
  const fields = {
    ...headers,
    "content-type": contentType,
    "content-length": String(Buffer.byteLength(body)),
    "x-correlation-id": correlationId,
    connection: "close",
    date: new Date().toUTCString(),
  }
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      Object.entries(fields)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("") +
      `\r\n${body}`,
  )
  run(closeGently(socket))
}
