import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "../FreePort.ts"
import { serveGateway, spawnGateway } from "../GatewayProcess.ts"
import { startRelay } from "../TcpRelay.ts"
import { send } from "../Wire.ts"

/** A port that somebody listens on. */
const takenPort = Effect.map(startRelay("tcp://127.0.0.1:1"), ({ port }) => String(port))

describe.concurrent(
  "a start that fails says why in one line and ends with exit code 1",
  { timeout: 60_000 },
  () => {
    it.live.each(["PORT", "ADMIN_PORT"])("%s is taken", (variable) =>
      Effect.gen(function* () {
        const port = yield* takenPort
        const gateway = yield* spawnGateway({ PORT: "0", ADMIN_PORT: "0", [variable]: port })
        assert.strictEqual(yield* gateway.exited, 1)
        assert.strictEqual(
          gateway.errors(),
          `${variable}: port ${port} of 127.0.0.1 is taken. Set ${variable} to a free port, or stop what listens there.\n`,
        )
        assert.isEmpty(gateway.logs().filter(({ level }) => level !== "WARN"))
      }),
    )

    it.live("HOST is not an address of this machine", () =>
      Effect.gen(function* () {
        const gateway = yield* spawnGateway({ HOST: "192.0.2.1", PORT: "0", ADMIN_PORT: "0" })
        assert.strictEqual(yield* gateway.exited, 1)
        assert.strictEqual(
          gateway.errors(),
          "HOST: 192.0.2.1 is not an address of this machine. Set HOST to one that is.\n",
        )
      }),
    )

    it.live("of workers, all of them stop", () =>
      Effect.gen(function* () {
        const port = yield* takenPort
        const shared = {
          REDIS_LAYER: "ioredis",
          REDIS_URL: "redis://127.0.0.1:1",
          POSTGRES_LAYER: "pg",
          DATABASE_URL: "postgres://gateway@127.0.0.1:1/away",
        }
        const gateway = yield* spawnGateway({ PORT: port, ADMIN_PORT: "0", WORKERS: "2", ...shared })
        assert.strictEqual(yield* gateway.exited, 1)
        assert.match(
          gateway.errors(),
          new RegExp(`^(PORT: port ${port} of 127\\.0\\.0\\.1 is taken\\.[^\\n]*\\n){1,2}$`),
        )
      }),
    )
  },
)

describe.concurrent("a start", { timeout: 60_000 }, () => {
  it.live("in development says where everything is, and what to try", () =>
    Effect.gen(function* () {
      const gateway = yield* serveGateway({})
      const output = gateway.output()
      assert.include(output, `CP portal  http://127.0.0.1:${gateway.port}/cp\n`)
      assert.include(output, `PP portal  http://127.0.0.1:${gateway.port}/pp\n`)
      assert.include(output, `Admin      http://127.0.0.1:${gateway.adminPort}  `)
      const curls = [
        ...output.matchAll(/curl -s http:\/\/127\.0\.0\.1:\d+(\S+) -H '(Authorization): ([^']+)'/g),
      ]
      assert.lengthOf(curls, 2)
      for (const [, path = "", , authorization = ""] of curls) {
        const answer = yield* send(gateway.port, { path, headers: { authorization } })
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.json()["upstream"], "plant")
      }
    }),
  )

  it.live("without any backend has a direct integration too, for customers who are not enrolled", () =>
    Effect.gen(function* () {
      const gateway = yield* serveGateway({ FLAGS_DEFAULT_ENABLED: "false" })
      const output = gateway.output()
      assert.match(output, /Direct {5}http:\/\/127\.0\.0\.1:\d+ \(demo\)\n/)
      const [, path = "", authorization = ""] =
        /curl -s http:\/\/127\.0\.0\.1:\d+(\/cp\S+) -H 'Authorization: ([^']+)'/.exec(output) ?? []
      const answer = yield* send(gateway.port, { path, headers: { authorization } })
      assert.strictEqual(answer.json()["upstream"], "plant-direct")
    }),
  )

  it.live("with switches off, or that nothing is behind, warns of each", () =>
    Effect.gen(function* () {
      const gateway = yield* serveGateway({
        ENABLE_AUTH_MIDDLEWARE: "false",
        ENABLE_ERROR_MIDDLEWARE: "false",
        ENABLE_BUDGET_MIDDLEWARE: "true",
      })
      const warnings = gateway
        .logs()
        .flatMap(({ level, message }) => (level === "WARN" ? [String(message)] : []))
      assert.isTrue(warnings.some((text) => text.startsWith("ENABLE_AUTH_MIDDLEWARE is false")))
      assert.isTrue(warnings.some((text) => text.startsWith("ENABLE_ERROR_MIDDLEWARE is false")))
      assert.isTrue(warnings.some((text) => text.includes("ENABLE_BUDGET_MIDDLEWARE")))
    }),
  )

  it.live(
    "in production prints JSON lines only: a line that says where it listens, and none that has a secret",
    () =>
      Effect.gen(function* () {
        const [port, adminPort] = yield* Effect.all([freePort, freePort])
        const secret = "a-secret-that-nobody-may-read-anywhere"
        const gateway = yield* serveGateway({
          ENVIRONMENT: "production",
          PORT: String(port),
          ADMIN_PORT: String(adminPort),
          JWT_SECRET_CP: secret,
        })
        for (const line of gateway.output().trim().split("\n")) assert.isObject(JSON.parse(line))
        const listening = gateway.logs().find(({ message }) => message === "Listening")
        assert.deepInclude(listening, {
          level: "INFO",
          address: `http://127.0.0.1:${port}`,
          admin: `http://127.0.0.1:${adminPort}`,
        })
        assert.notInclude(gateway.output(), secret)
      }),
  )
})
