import { assert, it } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"
import { send } from "../Wire.ts"

it.live.each(["", "/cp", "/pp"])("%s/health, /healthz and /ready answer without a token", (prefix) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    for (const path of ["/health", "/healthz"]) {
      const answer = yield* gateway.send({ path: prefix + path })
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(answer.json(), { status: "ok" })
    }
    const ready = yield* gateway.send({ path: `${prefix}/ready` })
    assert.strictEqual(ready.status, 200)
    assert.strictEqual(ready.headers["cache-control"], "no-store")
    assert.deepStrictEqual(ready.json(), {
      status: "ready",
      dependencies: [
        { name: "postgres", status: "up", detail: "Starts with the first question." },
        { name: "flags", status: "up", detail: "There are none: no database has been started." },
        { name: "plant", status: "up", detail: "Answered 200." },
        { name: "plant-sandbox", status: "up", detail: "Answered 200." },
        { name: "plant-direct", status: "up", detail: "Answered 200." },
      ],
    })
    assert.strictEqual((yield* gateway.send({ method: "HEAD", path: `${prefix}/ready` })).status, 200)
  }),
)

it.live("a dead dependency is named in /ready, and makes the gateway degraded, not unready", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ urls: { plant: "http://127.0.0.1:1", sandbox: Option.none() } })
    for (const port of [gateway.port, gateway.adminPort]) {
      const { status, json } = yield* send(port, { path: "/ready" })
      assert.strictEqual(status, 200)
      assert.strictEqual(json()["status"], "degraded")
      assert.deepInclude(Object.assign({}, ...[json()["dependencies"]].flat()), {
        name: "plant",
        status: "down",
      })
    }
  }),
)

it.live("dependencies are asked once, however many ask for /ready", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    yield* Effect.all(
      Array.from({ length: 20 }, () => gateway.send({ path: "/ready" })),
      { concurrency: "unbounded" },
    )
    const probes = gateway.plant.requests.filter(({ url }) => url === "/health")
    assert.isAtLeast(probes.length, 1)
    // A second at most may pass while they arrive.
    assert.isAtMost(probes.length, 2)
  }),
)

it.live("a dependency that hangs does not make /ready late, and is named once that is known", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ plant: ({ url }) => url === "/health" })
    // A balancer's check gives up after a second; the probe of a backend waits for two.
    const ready = Effect.timeout(gateway.send({ path: "/ready" }), "1 second")
    const first = yield* ready
    assert.strictEqual(first.status, 200)
    assert.strictEqual(first.json()["status"], "degraded")
    yield* ready.pipe(
      Effect.repeat({
        until: ({ body }) => body.includes('"name":"plant","status":"down"'),
        schedule: Schedule.spaced("50 millis"),
      }),
      Effect.timeout("10 seconds"),
    )
  }),
)
