import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Agent, request as httpRequest, type ServerResponse } from "node:http"
import { rawClient } from "../AwkwardPeers.ts"
import { startDemoPlant } from "../../src/demo/DemoPlant.ts"
import { serveGateway } from "../GatewayProcess.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"
import { exchangeRaw, send } from "../Wire.ts"
import { until } from "../Until.ts"

const path = "/cp/api/auth/google/login"
const plantAt = (url: string) => ({ PLANT_API_URL: url, RATE_LIMIT_ENABLED: "false" })

/** Keeps asking on one kept-alive connection until it is told that this was the last answer there. */
const askUntilTold = (port: number, answered: (status: number) => void) =>
  Effect.callback<void>((resume) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const ask = () => {
      httpRequest({ host: "127.0.0.1", port, path, agent }, (response) => {
        answered(response.statusCode ?? 0)
        response.resume().once("end", () => {
          if (response.headers.connection === "close") resume(Effect.void)
          else setImmediate(ask)
        })
      })
        .once("error", (error) => resume(Effect.die(error)))
        .end()
    }
    ask()
    return Effect.sync(() => agent.destroy())
  })

describe.concurrent("on SIGTERM", { timeout: 60_000 }, () => {
  it.live(
    "no request of twenty busy clients fails, each is told that its connection ends, and the exit code is 0",
    () =>
      Effect.gen(function* () {
        const plant = yield* startDemoPlant("plant")
        const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_DELAY_SECONDS: "4" })
        const statuses: Array<number> = []
        const clients = Array.from({ length: 20 }, () =>
          askUntilTold(gateway.port, (status) => statuses.push(status)),
        )
        const stop = Effect.andThen(
          until(() => statuses.length > 200),
          gateway.signal("SIGTERM"),
        )
        yield* Effect.all([...clients, stop], { concurrency: "unbounded" })
        assert.deepStrictEqual([...new Set(statuses)], [200])
        assert.strictEqual(yield* gateway.exited, 0)
        assert.strictEqual(gateway.errors(), "")
      }),
  )

  it.live("/ready turns to 503 draining on both sides while requests are still taken", () =>
    Effect.gen(function* () {
      const plant = yield* startDemoPlant("plant")
      const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_DELAY_SECONDS: "4" })
      const { headers } = yield* send(gateway.port, { path, headers: { connection: "keep-alive" } })
      assert.strictEqual(headers.connection, "keep-alive")
      yield* gateway.signal("SIGTERM")
      yield* until(() => gateway.logs().some(({ message }) => String(message).startsWith("Draining")))
      for (const port of [gateway.port, gateway.adminPort]) {
        const ready = yield* send(port, { path: "/ready" })
        assert.strictEqual(ready.status, 503)
        assert.strictEqual(ready.json()["status"], "draining")
      }
      const answer = yield* send(gateway.port, { path, headers: { connection: "keep-alive" } })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.headers.connection, "close")
      assert.strictEqual(yield* gateway.exited, 0)
    }),
  )

  it.live("a request in flight is finished, and says that its connection ends", () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = []
      const plant = yield* startDemoPlant("plant", ({ url }, response) => {
        if (url !== "/api/auth/google/login") return false
        held.push(response)
        return true
      })
      const gateway = yield* serveGateway(plantAt(plant.url))
      const client = yield* rawClient(gateway.port)
      client.socket.write(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`)
      yield* until(() => held.length === 1)
      yield* gateway.signal("SIGTERM")
      // It listens no more when it has begun to wait for this one.
      yield* until(() => gateway.logs().some(({ message }) => String(message).startsWith("Draining")))
      held[0]?.end("late but whole")
      yield* until(() => client.socket.destroyed)
      assert.match(client.received(), /^HTTP\/1\.1 200 OK\r\n/)
      assert.match(client.received(), /\r\nconnection: close\r\n/i)
      assert.include(client.received(), "late but whole")
      assert.strictEqual(yield* gateway.exited, 0)
    }),
  )

  it.live("an answer that has begun is finished, and its idle connection then holds nothing up", () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = []
      const plant = yield* startDemoPlant("plant", ({ url }, response) => {
        if (url !== "/api/auth/google/login") return false
        response.write("begun, ")
        held.push(response)
        return true
      })
      const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_TIMEOUT_SECONDS: "30" })
      const client = yield* rawClient(gateway.port)
      client.socket.write(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`)
      yield* until(() => client.received().includes("begun, "))
      yield* gateway.signal("SIGTERM")
      yield* until(() => gateway.logs().some(({ message }) => String(message).startsWith("Draining")))
      held[0]?.end("and finished")
      assert.strictEqual(yield* Effect.timeout(gateway.exited, "15 seconds"), 0)
      assert.match(client.received(), /begun, [^]*and finished\r\n0\r\n\r\n$/)
    }),
  )

  it.live("connections that say nothing hold nothing up", () =>
    Effect.gen(function* () {
      const plant = yield* startDemoPlant("plant")
      const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_TIMEOUT_SECONDS: "30" })
      const silent = [yield* rawClient(gateway.port), yield* rawClient(gateway.adminPort)]
      yield* send(gateway.port, { path })
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* Effect.timeout(gateway.exited, "15 seconds"), 0)
      for (const { socket } of silent) yield* until(() => socket.destroyed)
    }),
  )

  it.live("a request that never ends is told so when the time is over", () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = []
      const plant = yield* startDemoPlant("plant", ({ url }, response) => {
        if (url !== "/api/auth/google/login") return false
        held.push(response)
        return true
      })
      const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_TIMEOUT_SECONDS: "0.5" })
      const stop = Effect.andThen(
        until(() => held.length === 1),
        gateway.signal("SIGTERM"),
      )
      const [received] = yield* Effect.all(
        [exchangeRaw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`), stop],
        { concurrency: "unbounded" },
      )
      assertOnlyProblem(received, "service-unavailable")
      assert.strictEqual(yield* Effect.timeout(gateway.exited, "15 seconds"), 0)
    }),
  )

  it.live("an answer that never ends is broken off when the time is over, never passed off as whole", () =>
    Effect.gen(function* () {
      const plant = yield* startDemoPlant("plant", ({ url }, response) => {
        if (url !== "/api/auth/google/login") return false
        response.write("begun, ")
        return true
      })
      const gateway = yield* serveGateway({ ...plantAt(plant.url), DRAIN_TIMEOUT_SECONDS: "0.5" })
      const client = yield* rawClient(gateway.port)
      client.socket.write(`GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`)
      yield* until(() => client.received().includes("begun, "))
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* Effect.timeout(gateway.exited, "15 seconds"), 0)
      yield* until(() => client.socket.destroyed)
      assert.match(client.received(), /begun, \r\n$/)
    }),
  )
})
