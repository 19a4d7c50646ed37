import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseEnv } from "node:util"
import { bundle } from "../../build.ts"
import { productionFile } from "../config/environment.ts"
import { startHttpServer } from "../HttpServer.ts"
import { send } from "../Wire.ts"
import { commandOf } from "./Image.ts"
import { run } from "./Program.ts"

/** Far from this project, so that a package that is not in the bundle is not found. */
const folder = mkdtempSync(join(tmpdir(), "gateway-bundle-"))
const gateway = ["node", "main.js"]

beforeAll(() => bundle("src/main.ts", folder), 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const embedded = {
  PORT: "0",
  ADMIN_PORT: "0",
  JWT_SECRET_CP: "a-secret-for-tests-of-the-customers-portal",
  JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
}
const listening = /(?:CP portal|Listening)[^]*?http:\/\/127\.0\.0\.1:(\d+)/

describe("the production bundle", () => {
  it.live("starts, is healthy and drains as the image has it", () =>
    Effect.gen(function* () {
      const serve = yield* run([...commandOf("ENTRYPOINT"), ...commandOf("CMD")], folder, {
        ...parseEnv(productionFile),
        // Nobody listens there, and a start does not need Redis; but its client has to be in the bundle.
        REDIS_URL: "redis://127.0.0.1:1",
        // Only in development may the system choose the port.
        ENVIRONMENT: "development",
        HOST: "127.0.0.1",
        PORT: "0",
        ADMIN_PORT: "0",
        DRAIN_DELAY_SECONDS: "0",
      })
      const [, port = ""] = yield* serve.printed(listening)
      yield* serve.printed(/starting without it/)
      const check = Effect.flatMap(
        run(commandOf("HEALTHCHECK"), folder, { PORT: port }),
        ({ exited }) => exited,
      )
      assert.strictEqual(yield* check, 0)
      assert.strictEqual(yield* serve.stop, 0)
      assert.strictEqual(yield* check, 1)
    }),
  )

  it.live("mints, verifies, relays and documents as the sources do", () =>
    Effect.gen(function* () {
      const serve = yield* run([...gateway, "serve"], folder, embedded)
      const mint = yield* run([...gateway, "token", "mint", "--portal", "CP"], folder, embedded)
      const [token] = yield* mint.printed(/^\S+\.\S+\.\S+(?=\n$)/)
      const [, port] = yield* serve.printed(listening)
      const headers = { authorization: `Bearer ${token}` }
      const agents = yield* send(Number(port), { path: "/cp/api/v1/agents", headers })
      assert.strictEqual(agents.status, 200, agents.body)
      const docs = yield* send(Number(port), { path: "/cp/docs" })
      assert.strictEqual(docs.status, 200, docs.body)
      assert.include(docs.body, "swagger")
    }),
  )

  // The client for it comes by a dynamic import of a CommonJS package, which a bundler can lose the names of.
  it.live("sends its telemetry to a collector", () =>
    Effect.gen(function* () {
      const received = new Set<string>()
      const collector = yield* startHttpServer((request, response) => {
        received.add(`${request.method} ${request.url}`)
        request.resume().on("end", () => response.end("{}"))
      })
      const serve = yield* run([...gateway, "serve"], folder, {
        ...embedded,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      })
      yield* serve.printed(listening)
      // What is not sent yet goes out before the end.
      assert.strictEqual(yield* serve.stop, 0)
      assert.include([...received], "POST /v1/metrics")
    }),
  )
})

describe("a bundle", () => {
  it.live("brings the files that a module reads beside itself", () =>
    Effect.gen(function* () {
      const elsewhere = join(folder, "reads-beside")
      yield* Effect.promise(() => bundle("test/e2e/fixtures/reads-beside.ts", elsewhere))
      const { printed } = yield* run(gateway, elsewhere)
      yield* printed(/^This file travels with the module that reads it\.\n$/)
    }),
  )

  it.live("is refused when a module asks where it is in another way", () =>
    Effect.gen(function* () {
      const outcome = bundle("test/e2e/fixtures/asks-where.ts", join(folder, "asks-where")).then(
        () => "built",
        (error: Error) => error.message,
      )
      assert.match(yield* Effect.promise(() => outcome), /asks-where\.ts asks where it is/)
    }),
  )
})
