import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { type GatewayProcess, serveGateway } from "../GatewayProcess.ts"
import { describeLive } from "../Live.ts"
import { send } from "../Wire.ts"
import { until } from "../Until.ts"

/** The ids of the processes that a process has started, as Linux tells them. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" "))
    .filter((child) => child !== "")
    .map(Number)

const path = "/cp/api/auth/google/login"
const env = (url: string) => ({
  WORKERS: "2",
  REDIS_LAYER: "ioredis",
  REDIS_URL: url,
  POSTGRES_LAYER: "pg",
  DATABASE_URL: "postgres://gateway@127.0.0.1:1/away",
  RATE_LIMIT_ENABLED: "false",
})

/** The operators' ports as far as they were said: one in the first worker's banner, the other in a log line. */
const saidPorts = (gateway: GatewayProcess) =>
  [...gateway.output().matchAll(/(?:Admin +|"admin":")http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
    Number(port),
  )

const bothServe = (gateway: GatewayProcess) => until(() => saidPorts(gateway).length === 2)

await describeLive("two workers", "TEST_REDIS_URL", (url) => {
  it.live("serve one port, and both answer until they are told to stop", () =>
    Effect.gen(function* () {
      const gateway = yield* serveGateway(env(url))
      yield* bothServe(gateway)
      assert.lengthOf(childrenOf(gateway.pid), 2)
      // Each worker has operators' numbers of its own; new connections go to the two in turn.
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* send(gateway.port, { path })).status, 200)
      for (const admin of saidPorts(gateway)) {
        const { body } = yield* send(admin, { path: "/metrics" })
        assert.match(body, /^gateway_http_requests_total\{[^}]*portal="CP"[^}]*\} [1-9]/m)
      }
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* gateway.exited, 0)
      assert.lengthOf(
        gateway.logs().filter(({ message }) => String(message).startsWith("Draining")),
        2,
      )
    }),
  )

  it.live("stand in for each other: one that is killed is replaced, and the port answers all the while", () =>
    Effect.gen(function* () {
      const gateway = yield* serveGateway(env(url))
      yield* bothServe(gateway)
      const before = childrenOf(gateway.pid)
      const [killed = 0, survivor = 0] = before
      process.kill(killed, "SIGKILL")
      // A connection that the dead worker had accepted breaks; from its death on every answer is there.
      yield* until(() => gateway.logs().some(({ message }) => String(message).includes("died")))
      const replaced = () =>
        childrenOf(gateway.pid).length === 2 && childrenOf(gateway.pid).includes(survivor)
      while (!replaced()) assert.strictEqual((yield* send(gateway.port, { path })).status, 200)
      assert.notInclude(childrenOf(gateway.pid), killed)
      for (let i = 0; i < 20; i++) assert.strictEqual((yield* send(gateway.port, { path })).status, 200)
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* gateway.exited, 0)
    }),
  )
})
