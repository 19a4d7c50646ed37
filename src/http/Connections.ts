import { Context, Effect } from "effect"
import type { Server, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** How the portals' listener parts from its clients. */
export class Connections extends Context.Service<
  Connections,
  {
    /**
     * From now on every answer is the last on its connection and says so. One that has begun already cannot say it
     * any more; its connection is closed a second after it.
     */
    readonly closeAfterAnswers: Effect.Effect<void>
    /** For each answer before it begins. */
    readonly prepare: (response: ServerResponse) => void
    /** Closes those that have never sent a byte, because a server's own closing waits for them. */
    readonly closeSilent: Effect.Effect<void>
  }
>()("gateway/http/Connections") {}

/**
 * Follows the connections of a server. A client that is told `Connection: close` (RFC 9112 9.6) sends its next request
 * elsewhere; one whose kept-alive connection just closes may have sent it already, and lost it.
 */
export const followConnections = (server: Server): Connections["Service"] => {
  const open = new Set<Socket>()
  let closing = false
  const prepare = (response: ServerResponse) => {
    if (closing) response.shouldKeepAlive = false
  }
  server.on("connection", (socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })
  return {
    prepare,
    closeAfterAnswers: Effect.sync(() => {
      closing = true
      server.keepAliveTimeout = 1
      for (const socket of open) {
        const response = responseOn(socket)
        if (response !== undefined) prepare(response)
      }
    }),
    closeSilent: Effect.sync(() => {
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
    }),
  }
}

/** The response that a socket is busy with. Node keeps it in `_httpMessage`; its own `clientError` asks there too. */
export const responseOn = (socket: object): ServerResponse | undefined =>
  // Node writes it and nobody else; null between two requests.
  "_httpMessage" in socket ? ((socket._httpMessage as ServerResponse | null) ?? undefined) : undefined
