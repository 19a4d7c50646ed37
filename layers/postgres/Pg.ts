import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer, Redacted } from "effect"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { readPostgresUrl } from "./PostgresUrl.ts"

/** PostgreSQL itself ends a statement that takes longer, and undoes it. Below what a caller waits for an answer. */
const statementTimeout = "1000ms"
/** Whoever dies within a transaction, and is not seen to die, must not hold its locks for ever. */
const idleTransactionTimeout = "10s"

/** A pool of at most `connections` connections to a server, which the start does not wait for. */
export const layerUrl = (url: Redacted.Redacted, connections: number) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const address = readPostgresUrl(Redacted.value(url))
      if (typeof address === "string")
        return yield* ConfigFaults.of({ variable: "DATABASE_URL", problem: address, fix: "Correct it." })
      const { host, port, username, password, database, ssl, applicationName, options } = address
      return PgClient.layer({
        host,
        port,
        username,
        ...(password === undefined ? {} : { password: Redacted.make(password) }),
        database,
        ssl,
        applicationName: applicationName ?? "gateway",
        ...(options === undefined ? {} : { startupOptions: options }),
        startupParameters: {
          statement_timeout: statementTimeout,
          idle_in_transaction_session_timeout: idleTransactionTimeout,
        },
        connectTimeout: "1 second",
        keepAlive: "10 seconds",
        maxConnections: connections,
        // After a failover the old server is asked no longer than this, if it still answers.
        connectionTTL: "1 minute",
        // The pool makes its first connection when it is first asked, so there is nothing here that fails.
      }).pipe(Layer.orDie)
    }),
  )
