import type { PGlite } from "@electric-sql/pglite"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer } from "effect"
import { Duplex } from "node:stream"

/**
 * A PostgreSQL in this process and its memory, which ends with it. The first connection starts it, and takes the
 * seconds and the memory for that; who never asks never pays.
 */
export const layer = PgClient.layerFrom(
  Effect.gen(function* () {
    let started: Promise<PGlite> | undefined
    const database = () =>
      (started ??= start().catch((cause: unknown) => {
        started = undefined
        throw cause
      }))
    yield* Effect.addFinalizer(() =>
      Effect.ignore(
        Effect.tryPromise(async () => (started === undefined ? undefined : (await started).close())),
      ),
    )
    return yield* PgClient.make({
      stream: () => connect(database),
      username: "postgres",
      database: "postgres",
      // PGlite has one session.
      maxConnections: 1,
      connectTimeout: "1 minute",
    })
  }),
  // The pool makes its connection when it is first asked, so there is nothing here that fails.
).pipe(Layer.orDie)

const start = async () => {
  const { PGlite } = await import("@electric-sql/pglite")
  return PGlite.create({
    // Its files are in memory as well: without these, so would be 16 MB of log and 128 MB of cache.
    initDbStartParams: ["--wal-segsize=1"],
    startParams: [...PGlite.defaultStartParams, "-c", "shared_buffers=8MB"],
  })
}

/**
 * A connection to the one session. `PgClient` writes whole messages, and a stream of its own hands them on whole. It
 * never asks to cancel: PGlite has finished what it is given before anybody else gets to run.
 */
const connect = (database: () => Promise<PGlite>): Duplex => {
  let isFirst = true
  const answerTo = async (messages: Buffer) => {
    const pglite = await database()
    if (connection.destroyed) return
    if (isFirst) await forget(pglite)
    isFirst = false
    await pglite.runExclusive(() =>
      pglite.execProtocolRawStream(messages, {
        // Copied, for PGlite writes its next answer to the same place.
        onRawData: (answer) => connection.push(Buffer.from(answer)),
      }),
    )
  }
  const connection: Duplex = new Duplex({
    read: () => {},
    write: async (messages: Buffer, _encoding, done) => {
      try {
        await answerTo(messages)
        done()
      } catch (cause) {
        done(new Error("The embedded PostgreSQL failed.", { cause }))
      }
    },
    final: (done) => {
      connection.push(null)
      done()
    },
  })
  return connection
}

/** What the session has from the connection before this one: PostgreSQL would have ended it with that. */
const forget = async (pglite: PGlite) => {
  await pglite.exec("ROLLBACK")
  await pglite.exec("DISCARD ALL")
}
