import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Http from "node:http"
import { DemoPlant, startDemoPlant } from "../../src/demo/DemoPlant.ts"
import { table } from "../../src/http/RouteTable.ts"

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string | Array<string>>
  readonly body?: string
}
interface Answer {
  readonly status: number | undefined
  readonly headers: Http.IncomingMessage["headers"]
  readonly text: string
}

interface DemoBody {
  readonly upstream: string
  readonly echo: {
    readonly method: string
    readonly url: string
    readonly headers: Record<string, Array<string>>
    readonly rawHeaders: Array<[string, string]>
    readonly body: string | null
  }
  readonly [member: string]: unknown
}

/** Sends one request as it is written, and leaves the socket when interrupted. */
const open = (
  url: string,
  { method = "GET", headers = {}, body }: Asked = {},
): Effect.Effect<Http.IncomingMessage> =>
  Effect.callback((resume) => {
    const sent = Http.request(url, { method, headers, agent: false }, (response) =>
      resume(Effect.succeed(response)),
    )
    sent.once("error", (error) => resume(Effect.die(error)))
    sent.end(body)
  })

const textOf = (response: Http.IncomingMessage): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    response.once("end", () => resume(Effect.succeed(text)))
  })

const ask = Effect.fnUntraced(function* (url: string, asked?: Asked): Effect.fn.Return<Answer> {
  const response = yield* open(url, asked)
  return { status: response.statusCode, headers: response.headers, text: yield* textOf(response) }
})

const askJson = Effect.fnUntraced(function* (url: string, asked?: Asked) {
  const { status, headers, text } = yield* ask(url, asked)
  const body: DemoBody = JSON.parse(text)
  return { status, headers, body }
})

/** The next piece that a stream has. */
const nextChunk = (response: Http.IncomingMessage): Effect.Effect<string> =>
  Effect.callback((resume) => {
    response.setEncoding("utf8").once("data", (chunk: string) => resume(Effect.succeed(chunk)))
  })

it.layer(DemoPlant.layer("plant"))("the demo Plant", (shared) => {
  shared.effect("lists three agents", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const { status, headers, body } = yield* askJson(`${url}/api/v1/agents`)
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["content-type"], "application/json")
      if (!Array.isArray(body["agents"])) assert.fail("no list of agents")
      assert.lengthOf(body["agents"], 3)
    }),
  )

  shared.effect("answers every upstream route of the table with JSON that has its name", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const plain = table.filter(
        (route) => route.answeredBy === "upstream" && !route.upgrade && route.timeout === "default",
      )
      for (const { method, template } of plain) {
        const path = template.replaceAll(/\{\w+\}/g, "x-1").replace("**", "some/thing")
        const { status, body } = yield* askJson(url + path, { method })
        assert.include([200, 201], status, `${method} ${path}`)
        assert.strictEqual(body.upstream, "plant")
        assert.strictEqual(body.echo.url, path)
      }
    }),
  )

  shared.effect("answers with the id that was asked for", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const known = yield* askJson(`${url}/api/v1/agents/agent-tutor`)
      assert.strictEqual(known.body["name"], "Math Tutor Agent")
      const unknown = yield* askJson(`${url}/api/v1/agents/agent-x`)
      assert.strictEqual(unknown.body["id"], "agent-x")
      const paused = yield* askJson(`${url}/api/v1/agents/agent-x/pause`, { method: "POST" })
      assert.strictEqual(paused.body["done"], "pause")
      const made = yield* askJson(`${url}/api/v1/agents`, { method: "POST" })
      assert.strictEqual(made.status, 201)
    }),
  )

  shared.effect("echoes the request as it arrived: target, duplicate headers, body", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const { body } = yield* askJson(`${url}/api/v1/tasks?a=%7E&&b`, {
        method: "POST",
        headers: { "X-Twice": ["one", "two"], "Content-Type": "text/plain" },
        body: "héllo",
      })
      assert.strictEqual(body.echo.method, "POST")
      assert.strictEqual(body.echo.url, "/api/v1/tasks?a=%7E&&b")
      assert.deepStrictEqual(body.echo.headers["x-twice"], ["one", "two"])
      assert.deepStrictEqual(
        body.echo.rawHeaders.filter(([name]) => name === "X-Twice"),
        [
          ["X-Twice", "one"],
          ["X-Twice", "two"],
        ],
      )
      assert.strictEqual(body.echo.body, "héllo")
    }),
  )

  shared.effect("records requests with the bytes of their bodies, and echoes no large body", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* DemoPlant
      const { body } = yield* askJson(`${url}/api/v1/tasks?large`, {
        method: "POST",
        body: "é".repeat(40_000),
      })
      assert.isNull(body.echo.body)
      const recorded = requests.at(-1)
      assert.strictEqual(recorded?.method, "POST")
      assert.strictEqual(recorded?.url, "/api/v1/tasks?large")
      assert.strictEqual(recorded?.bodyBytes, 80_000)
      assert.deepStrictEqual(
        recorded?.rawHeaders.find(([header]) => header === "Host"),
        ["Host", new URL(url).host],
      )
    }),
  )

  shared.effect("remembers the last thousand requests", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* DemoPlant
      yield* Effect.forEach(Array.from({ length: 1_001 }), (_, index) => ask(`${url}/health?${index}`), {
        concurrency: 20,
      })
      assert.lengthOf(requests, 1_000)
    }),
  )

  shared.effect("sets two cookies on GET /api/v1/auth/me, in two headers", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const { headers } = yield* askJson(`${url}/api/v1/auth/me`)
      assert.lengthOf(headers["set-cookie"] ?? [], 2)
    }),
  )

  shared.effect("answers HEAD without a body", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      for (const path of ["/api/v1/agents", "/api/v1/genesis/events"]) {
        const { status, text } = yield* ask(url + path, { method: "HEAD" })
        assert.strictEqual(status, 200)
        assert.strictEqual(text, "")
      }
    }),
  )

  shared.effect("refuses what it has no route for, with the same echo", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const unknown = yield* askJson(`${url}/api/v1/nothing`)
      assert.strictEqual(unknown.status, 404)
      assert.strictEqual(unknown.body.echo.url, "/api/v1/nothing")
      const wrongMethod = yield* askJson(`${url}/api/v1/tickets`, { method: "DELETE" })
      assert.strictEqual(wrongMethod.status, 405)
      assert.strictEqual(wrongMethod.headers["allow"], "POST")
      const socket = yield* askJson(`${url}/ws/approvals`)
      assert.strictEqual(socket.status, 426)
    }),
  )

  shared.effect(
    "does not know what only the gateway answers, so that a leak shows; but it has a health of its own",
    () =>
      Effect.gen(function* () {
        const { url } = yield* DemoPlant
        for (const { method, template } of table.filter((route) => route.answeredBy === "gateway")) {
          const path = template.replace("{id}", "x-1").replace("**", "some/thing")
          const { status, body } = yield* askJson(url + path, { method })
          assert.strictEqual(status, path === "/health" ? 200 : 404, `${method} ${path}`)
          assert.strictEqual(body.upstream, "plant")
        }
      }),
  )

  shared.effect("sends a tick at once and one each second", () =>
    Effect.gen(function* () {
      const { url } = yield* DemoPlant
      const response = yield* open(`${url}/api/v1/agents/a/events`)
      assert.strictEqual(response.headers["content-type"], "text/event-stream")
      assert.strictEqual(
        yield* nextChunk(response),
        'id: 1\nevent: tick\ndata: {"tick":1,"upstream":"plant"}\n\n',
      )
      for (const id of [2, 3]) {
        const chunk = yield* Effect.forkChild(nextChunk(response), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.include(yield* Fiber.join(chunk), `id: ${id}\n`)
      }
      response.destroy()
    }),
  )

  shared.effect(
    "goes on after the Last-Event-ID of a client that comes back, and starts anew after nonsense",
    () =>
      Effect.gen(function* () {
        const { url } = yield* DemoPlant
        const expectations = { "41": "id: 42\n", "-3": "id: 1\n", x: "id: 1\n", "1.5": "id: 1\n" }
        for (const [last, first] of Object.entries(expectations)) {
          const headers = { "Last-Event-ID": last }
          const response = yield* open(`${url}/api/v1/genesis/events`, { headers })
          assert.isTrue((yield* nextChunk(response)).startsWith(first), last)
          response.destroy()
        }
      }),
  )
})

describe("a demo Plant of one's own", () => {
  it.effect("says its name", () =>
    Effect.gen(function* () {
      const { name, url } = yield* startDemoPlant("plant-sandbox")
      assert.strictEqual(name, "plant-sandbox")
      assert.strictEqual((yield* askJson(`${url}/api/v1/agents`)).body.upstream, "plant-sandbox")
    }),
  )

  it.effect("leaves to its handler what the handler takes, and records it all the same", () =>
    Effect.gen(function* () {
      const { url, requests } = yield* startDemoPlant("plant", (request, response) => {
        if (request.url !== "/api/v1/agents") return false
        response.writeHead(503).end("no")
        return true
      })
      assert.strictEqual((yield* ask(`${url}/api/v1/agents`)).text, "no")
      assert.strictEqual((yield* ask(`${url}/api/v1/agents/a`)).status, 200)
      assert.deepStrictEqual(
        requests.map((recorded) => recorded.url),
        ["/api/v1/agents", "/api/v1/agents/a"],
      )
    }),
  )

  it.effect("ends its streams and frees its port with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { url } = yield* startDemoPlant("plant").pipe(Scope.provide(scope))
      const response = yield* open(`${url}/api/v1/genesis/events`)
      yield* nextChunk(response)
      const aborted = yield* Effect.forkChild(closeOf(response), { startImmediately: true })
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      yield* Fiber.join(aborted)
      const refused = yield* Effect.exit(open(`${url}/health`))
      assert.include(String(refused), "ECONNREFUSED")
    }),
  )
})

const closeOf = (response: Http.IncomingMessage): Effect.Effect<void> =>
  Effect.callback((resume) => {
    response.on("error", () => {})
    response.once("close", () => resume(Effect.void))
  })
