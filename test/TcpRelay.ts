import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { connect, createServer, type Server, type Socket } from "node:net"

/** Stands between a client and a server, so that a test can make the server fail as the network does. */
export interface TcpRelay {
  readonly port: number
  /** The server's URL, by way of this relay. */
  readonly url: string
  /** The server hangs, as with SIGSTOP: connections stay, or are accepted, and bytes wait on the way. */
  readonly hang: Effect.Effect<void>
  /** It will hang once a client says this, before it hears it. */
  readonly hangAt: (words: string) => Effect.Effect<void>
  readonly isHanging: () => boolean
  /** The server is gone: connections break, and none is accepted. */
  readonly vanish: Effect.Effect<void>
  /** The server is back on the same port. */
  readonly heal: Effect.Effect<void>
}

/** `target`: the server's URL, with its port. */
export const startRelay = (target: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const url = new URL(target)
      const server = { host: url.hostname, port: Number(url.port) }
      const pairs = new Set<readonly [client: Socket, server: Socket]>()
      let hanging = false
      let lastWords: string | undefined
      const listener = createServer((client) => {
        const upstream = connect(server)
        const pair = [client, upstream] as const
        pairs.add(pair)
        for (const socket of pair) {
          socket
            .on("error", () => {})
            .on("close", () => {
              pairs.delete(pair)
              for (const end of pair) end.destroy()
            })
        }
        client.on("data", (bytes) => {
          if (lastWords !== undefined && bytes.includes(lastWords)) hang()
          else upstream.write(bytes)
        })
        upstream.on("data", (bytes) => client.write(bytes))
        if (hanging) for (const socket of pair) socket.pause()
      })
      yield* listen(listener, 0)
      const address = listener.address()
      const port = typeof address === "object" && address !== null ? address.port : assert.fail("no port")
      url.host = `127.0.0.1:${port}`
      const cut = () => {
        for (const pair of pairs) for (const socket of pair) socket.destroy()
      }
      const hang = () => {
        hanging = true
        for (const pair of pairs) for (const socket of pair) socket.pause()
      }
      const relay: TcpRelay = {
        port,
        url: url.href,
        hang: Effect.sync(hang),
        isHanging: () => hanging,
        hangAt: (words) =>
          Effect.sync(() => {
            lastWords = words
          }),
        vanish: Effect.suspend(() => {
          const closed = close(listener)
          cut()
          return closed
        }),
        heal: Effect.suspend(() => {
          hanging = false
          for (const pair of pairs) for (const socket of pair) socket.resume()
          return listener.listening ? Effect.void : listen(listener, port)
        }),
      }
      return relay
    }),
    (relay) => relay.vanish,
  )

const listen = (server: Server, port: number) =>
  Effect.callback<void>((resume) => {
    server.listen(port, "127.0.0.1", () => resume(Effect.void))
  })

const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
  })
