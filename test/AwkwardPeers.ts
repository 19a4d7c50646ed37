import { Effect, type Scope } from "effect"
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { headersOf, type Sent } from "./Wire.ts"

/** A TCP server on a free port of 127.0.0.1 that speaks no HTTP by itself; gives its origin. */
export const rawUpstream = (
  onConnection: (socket: Socket, index: number) => void,
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: Effect.Effect<void> }>((resume) => {
      const sockets = new Set<Socket>()
      let index = 0
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {}).on("close", () => sockets.delete(socket))
        onConnection(socket, index++)
      })
      server.listen(0, "127.0.0.1", () => {
        // A server that listens on a port has an AddressInfo.
        const { port } = server.address() as AddressInfo
        const close = Effect.callback<void>((closed) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => closed(Effect.void))
        })
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
      })
    }),
    ({ close }) => close,
  ).pipe(Effect.map(({ url }) => url))

/** An upstream that says these bytes to every request head, whatever it asks, and then does as told. */
export const upstreamSaying = (
  bytes: string | Buffer,
  then: (socket: Socket) => void = () => {},
): Effect.Effect<string, never, Scope.Scope> =>
  rawUpstream((socket) => {
    socket.on("data", () => {
      if (typeof bytes === "string") socket.write(bytes, "latin1")
      else socket.write(bytes)
      then(socket)
    })
  })

/** A request whose head has been sent and whose body is the test's to write and end. Destroyed with its scope. */
export const begin = (
  port: number,
  { method = "GET", path, headers = {} }: Omit<Sent, "body">,
): Effect.Effect<ClientRequest, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const request = httpRequest({
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        headers: headersOf(headers),
      })
      request.on("error", () => {})
      request.flushHeaders()
      return request
    }),
    (request) => Effect.sync(() => request.destroy()),
  )

/** The head of the answer; its body is paused until the test reads it. Dies when the connection ends before. */
export const answerTo = (request: ClientRequest): Effect.Effect<IncomingMessage> =>
  Effect.callback((resume) => {
    request.once("response", (answer) => {
      answer.on("error", () => {})
      answer.pause()
      resume(Effect.succeed(answer))
    })
    request.once("close", () => resume(Effect.die(new Error("The connection ended before an answer"))))
  })

/** How the body of an answer ended: its text, and whether it was complete or the connection was reset. */
export const bodyOf = (
  answer: IncomingMessage,
): Effect.Effect<{ readonly text: string; readonly complete: boolean }> =>
  Effect.callback((resume) => {
    const chunks: Array<Buffer> = []
    answer.on("data", (chunk: Buffer) => chunks.push(chunk))
    answer.once("close", () =>
      resume(Effect.succeed({ text: Buffer.concat(chunks).toString("latin1"), complete: answer.complete })),
    )
    answer.resume()
  })

/** A raw client connection, kept open; `received` grows. Destroyed with its scope. */
export const rawClient = (
  port: number,
): Effect.Effect<{ readonly socket: Socket; readonly received: () => string }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; readonly received: () => string }>((resume) => {
      let received = ""
      const socket = connect(port, "127.0.0.1", () =>
        resume(Effect.succeed({ socket, received: () => received })),
      )
      socket.setEncoding("latin1")
      socket.on("data", (chunk: string) => {
        received += chunk
      })
      socket.on("error", () => {})
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )
