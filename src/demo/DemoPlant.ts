import { Context, Effect, FiberSet, Layer, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Problem } from "../http/Problems.ts"
import { answerTo, findDemoRoute } from "./DemoAnswers.ts"
import { sendTicks } from "./DemoEvents.ts"

/** The demo Plant, its trial twin, or the demo of the direct integration. Each says its name in every answer. */
export type PlantName = "plant" | "plant-sandbox" | "plant-direct"

/** One request as it arrived. */
export interface Recorded {
  readonly method: string
  /** The request target, byte for byte. */
  readonly url: string
  /** Names and values as sent, in order. */
  readonly rawHeaders: ReadonlyArray<readonly [name: string, value: string]>
  /** Grows while the body arrives; stays 0 when a handler took the request. */
  readonly bodyBytes: number
}

export interface DemoPlantShape {
  readonly name: PlantName
  /** `http://` with address and port, without a slash at the end. */
  readonly url: string
  /** The last thousand requests, oldest first. */
  readonly requests: ReadonlyArray<Recorded>
}

/**
 * Sees every request before the demo does; true means that it has taken it, body and all. For upstreams that
 * misbehave in tests.
 */
export type Handler = (request: IncomingMessage, response: ServerResponse) => boolean

/**
 * A small HTTP server on a free port of 127.0.0.1, which lives as long as its scope. It answers the routes of the
 * table with plausible JSON, in which `upstream` is its name and `echo` is what reached it (ROUTES.md).
 */
export class DemoPlant extends Context.Service<DemoPlant, DemoPlantShape>()("gateway/demo/DemoPlant") {
  static readonly layer = (name: PlantName, handler?: Handler) =>
    Layer.effect(this, startDemoPlant(name, handler))
}

/** A demo Plant for whom one is not enough: the embedded world has three. */
export const startDemoPlant = Effect.fnUntraced(function* (
  name: PlantName,
  handler: Handler = () => false,
): Effect.fn.Return<DemoPlantShape, never, Scope.Scope> {
  const fork = yield* FiberSet.makeRuntime()
  const requests: Array<Recorded> = []

  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    const recorded = record(request)
    requests.push(recorded)
    if (requests.length > 1_000) requests.shift()
    if (handler(request, response)) return
    readBody(request, recorded, (body) => {
      const { method, url } = recorded
      const match = findDemoRoute(method, url.split("?", 1).join())
      const echo = { method, url, headers: request.headersDistinct, rawHeaders: recorded.rawHeaders, body }
      const send = (
        status: number,
        members: object,
        headers: Record<string, string | Array<string>> = {},
      ) => {
        response.writeHead(status, { "content-type": "application/json", ...headers })
        response.end(JSON.stringify({ ...members, upstream: name, echo }))
      }
      if (match instanceof Problem) send(match.status, { error: match.detail }, { ...match.headers })
      else if (match.route.upgrade) send(426, { error: "Connect with an upgrade." }, { upgrade: "websocket" })
      else if (match.route.timeout === "none") fork(sendTicks(request, response, name))
      else {
        const { status, body: members } = answerTo(match)
        send(status, members, match.route.template === "/api/v1/auth/me" ? { "set-cookie": cookies } : {})
      }
    })
  })
  const port = yield* Effect.acquireRelease(listen(server), () => close(server))
  return { name, url: `http://127.0.0.1:${port}`, requests }
})

const cookies = ["plant_session=demo; Path=/; HttpOnly; SameSite=Lax", "plant_theme=dark; Path=/"]

type Recording = { -readonly [Member in keyof Recorded]: Recorded[Member] }

const record = (request: IncomingMessage): Recording => ({
  // Node sets both on every request that a server receives.
  method: request.method ?? "",
  url: request.url ?? "",
  rawHeaders: pairsOf(request.rawHeaders),
  bodyBytes: 0,
})

const pairsOf = (rawHeaders: ReadonlyArray<string>): Recorded["rawHeaders"] =>
  rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""] as const] : []))

/** Counts a body and hands it over as text; null when it is too large to be echoed. */
const readBody = (
  request: IncomingMessage,
  recording: Recording,
  done: (body: string | null) => void,
): void => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => {
    recording.bodyBytes += chunk.length
    if (recording.bodyBytes <= echoLimit) chunks.push(chunk)
  })
  request.once("end", () => done(recording.bodyBytes <= echoLimit ? Buffer.concat(chunks).toString() : null))
}
const echoLimit = 65_536

const listen = (server: Server): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.once("error", (error) => resume(Effect.die(error)))
    // A server that listens on a port has an AddressInfo, no pipe name.
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const close = (server: Server): Effect.Effect<void> =>
  Effect.callback((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
