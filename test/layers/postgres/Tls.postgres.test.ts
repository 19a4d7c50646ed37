import { assert, it } from "@effect/vitest"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Exit, Redacted } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls"
import * as Pg from "../../../layers/postgres/Pg.ts"
import { describeLive } from "../../Live.ts"
import { selfSigned } from "../../SelfSigned.ts"

const { key, cert } = selfSigned()
const sslRequest = 80_877_103

/** A PostgreSQL that talks TLS, or with `refuses` has none, with a certificate for 127.0.0.1 that it signed itself. */
const startTlsServer = (target: URL, refuses = false) =>
  Effect.acquireRelease(
    Effect.callback<{ port: number; inTheClear: () => number; close: () => void }>((resume) => {
      let clear = 0
      const sockets = new Set<Socket>()
      const server = createServer((client) => {
        sockets.add(client.on("error", () => {}))
        client.once("data", (first) => {
          if (first.readInt32BE(4) !== sslRequest) {
            clear += 1
            client.destroy()
            return
          }
          client.write(refuses ? "N" : "S")
          if (refuses) return
          const secure = new TLSSocket(client, { isServer: true, key, cert }).on("error", () =>
            client.destroy(),
          )
          secure.once("secure", () => {
            const upstream = connect(Number(target.port), target.hostname).on("error", () => client.destroy())
            sockets.add(upstream)
            secure.pipe(upstream).pipe(secure)
          })
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : assert.fail("no port")
        const close = () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        }
        resume(Effect.succeed({ port, inTheClear: () => clear, close }))
      })
    }),
    ({ close }) => Effect.sync(close),
  )

await describeLive("TLS to PostgreSQL", "TEST_DATABASE_URL", (url) => {
  const asked = (port: number, mode: string, host = "127.0.0.1") =>
    Effect.gen(function* () {
      const own = new URL(url)
      own.host = `${host}:${port}`
      own.searchParams.set("sslmode", mode)
      const question = PgClient.PgClient.use((sql) => sql<{ one: number }>`SELECT 1 AS one`)
      const exit = yield* Effect.exit(Effect.provide(question, Pg.layerUrl(Redacted.make(own.href), 1)))
      return Exit.isSuccess(exit) ? "answered" : String(exit.cause)
    })

  it.live("is what sslmode says, and no less", () =>
    Effect.gen(function* () {
      const server = yield* startTlsServer(new URL(url))
      assert.strictEqual(yield* asked(server.port, "require"), "answered")
      for (const mode of ["verify-ca", "verify-full"])
        assert.match(yield* asked(server.port, mode), /self-signed/)
      assert.strictEqual(server.inTheClear(), 0)
      yield* asked(server.port, "disable")
      assert.strictEqual(server.inTheClear(), 1)
    }),
  )

  it.live("with a known authority is checked for the server's name by verify-full alone", () =>
    Effect.gen(function* () {
      const before = getCACertificates("default")
      yield* Effect.acquireRelease(
        Effect.sync(() => setDefaultCACertificates([...before, cert])),
        () => Effect.sync(() => setDefaultCACertificates(before)),
      )
      const server = yield* startTlsServer(new URL(url))
      assert.strictEqual(yield* asked(server.port, "verify-full"), "answered")
      assert.strictEqual(yield* asked(server.port, "verify-ca", "localhost"), "answered")
      assert.match(yield* asked(server.port, "verify-full", "localhost"), /altnames/)
    }),
  )

  it.live("is not done without when the server has none", () =>
    Effect.gen(function* () {
      const server = yield* startTlsServer(new URL(url), true)
      for (const mode of ["require", "verify-full"])
        assert.match(yield* asked(server.port, mode), /refused TLS/)
      assert.strictEqual(server.inTheClear(), 0)
    }),
  )
})
