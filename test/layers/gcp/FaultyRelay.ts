import { Effect } from "effect"
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as ask,
  type ServerResponse,
} from "node:http"
import { startHttpServer } from "../../HttpServer.ts"

/**
 * What becomes of a request. `refused`: it is answered 503 and does not arrive. `taken`: it is answered as Google
 * answers who begins an upload of an object that is there. `halved`, `changed`: half of its body
 * arrives, or a byte of it is another. `silent`: it is never answered. `answer-lost`: it arrives, and the connection
 * breaks instead of the answer. `answer-cut`, `answer-changed`: half of the answer's body comes, or a byte is another.
 */
export type Fault =
  | "refused"
  | "taken"
  | "halved"
  | "changed"
  | "silent"
  | "answer-lost"
  | "answer-cut"
  | "answer-changed"

interface Message {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * Stands before an emulator, and does what networks and clouds do; gives its own URL. As Google does, and the emulator
 * does not, it answers a piece of an upload as before when it comes again.
 */
export const startFaultyRelay = (
  emulator: string,
  faultOf: (request: IncomingMessage) => Fault | undefined,
) => {
  const answers = new Map<string, Message>()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const fault = faultOf(request)
    const body = await bodyOf(request)
    if (fault === "silent") return
    if (fault === "refused") return response.writeHead(503).end()
    if (fault === "taken") {
      return response
        .writeHead(412, { "content-type": "application/json" })
        .end(JSON.stringify(conditionNotMet))
    }
    const piece = `${request.url} ${request.headers["content-range"]}`
    const found = answers.get(piece) ?? (await forwarded(emulator, request, tampered(fault, request, body)))
    if (request.method === "PUT") answers.set(piece, found)
    if (fault === "answer-lost") return response.destroy()
    response.writeHead(found.status, found.headers)
    if (fault === "answer-cut") {
      return response.write(found.body.subarray(0, found.body.length / 2), () => response.destroy())
    }
    return response.end(fault === "answer-changed" ? changed(found.body) : found.body)
  }
  return Effect.map(
    startHttpServer((request, response) => {
      answer(request, response).catch(() => response.destroy())
    }),
    ({ url }) => url,
  )
}

const conditionNotMet = {
  error: {
    code: 412,
    message: "At least one of the pre-conditions you specified did not hold.",
    errors: [{ domain: "global", reason: "conditionNotMet", locationType: "header", location: "If-Match" }],
  },
}

const tampered = (fault: Fault | undefined, { headers }: IncomingMessage, body: Buffer) => {
  if (fault === "changed") return { headers, body: changed(body) }
  if (fault !== "halved") return { headers, body }
  const half = body.subarray(0, body.length / 2)
  const start = Number(/^bytes (\d+)/.exec(headers["content-range"] ?? "")?.[1])
  const range = `bytes ${start}-${start + half.length - 1}/*`
  return { headers: { ...headers, "content-range": range, "content-length": `${half.length}` }, body: half }
}

const changed = (body: Buffer) => {
  const other = Buffer.from(body)
  other.writeUInt8(other.readUInt8(0) ^ 1, 0)
  return other
}

const bodyOf = (message: IncomingMessage) =>
  new Promise<Buffer>((resolve, reject) => {
    const parts: Array<Buffer> = []
    message
      .on("data", (part: Buffer) => parts.push(part))
      .on("end", () => resolve(Buffer.concat(parts)))
      .on("error", reject)
  })

const forwarded = (
  emulator: string,
  { method, url }: IncomingMessage,
  { body, headers }: Omit<Message, "status">,
) =>
  new Promise<Message>((resolve, reject) => {
    ask(new URL(url ?? "/", emulator), { method, headers }, (answer) => {
      // Google says this of what is stored as it was sent, and its library compares checksums only then.
      const complete = { ...answer.headers, "x-goog-stored-content-encoding": "identity" }
      bodyOf(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 500, headers: complete, body: bytes }),
        reject,
      )
    })
      .on("error", reject)
      .end(body)
  })
