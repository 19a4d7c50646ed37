import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type IncomingMessage, request as httpRequest } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { bundle } from "../../build.ts"
import { startHttpServer } from "../HttpServer.ts"

const gigabyte = 1024 ** 3
const chunk = Buffer.alloc(1024 * 1024)

/** What production runs: from sources, Node's loader of TypeScript alone holds some 75 MB. */
const program = mkdtempSync(join(tmpdir(), "gateway-big-bodies-"))
beforeAll(() => bundle("src/main.ts", program), 60_000)
afterAll(() => rmSync(program, { recursive: true, force: true }))

/** A gigabyte of zeros. */
const zeros = (): Readable => {
  let left = gigabyte / chunk.length
  return new Readable({
    read() {
      left -= 1
      this.push(left < 0 ? null : chunk)
    },
  })
}

const count = (body: IncomingMessage): Effect.Effect<number> =>
  Effect.callback((resume) => {
    let bytes = 0
    body.on("data", (part: Buffer) => {
      bytes += part.length
    })
    body.once("close", () => resume(Effect.succeed(bytes)))
  })

/** A Plant that gives a gigabyte to who reads, and counts what it is given. */
const plant = startHttpServer((request, response) => {
  if (request.method === "GET") zeros().pipe(response.writeHead(200, { "content-length": gigabyte }))
  else Effect.runFork(Effect.map(count(request), (bytes) => response.end(String(bytes))))
})

/** The gateway as a process of its own; ready when it has said where it listens. */
const gatewayBefore = (plantUrl: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly child: ChildProcess; readonly port: number }>((resume) => {
      const child = spawn(process.execPath, ["main.js", "serve"], {
        cwd: program,
        env: { PORT: "0", ADMIN_PORT: "0", PLANT_API_URL: plantUrl, MAX_BODY_BYTES: "2 GiB" },
        stdio: ["ignore", "pipe", "inherit"],
      })
      let printed = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text
        const port = /CP portal\s+http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]
        if (port !== undefined) resume(Effect.succeed({ child, port: Number(port) }))
      })
      child.once("exit", (code) => resume(Effect.die(new Error(`It ended with ${code}:\n${printed}`))))
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL")),
  )

/** The most memory that a process has ever had (resident set), in bytes. */
const peakOf = ({ pid }: ChildProcess): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024

const send = (port: number, method: string, path: string, body?: Readable): Effect.Effect<IncomingMessage> =>
  Effect.callback((resume) => {
    const options = { host: "127.0.0.1", port, method, path, agent: false }
    const request = httpRequest(options, (answer) => resume(Effect.succeed(answer)))
    request.once("error", (error) => resume(Effect.die(error)))
    if (body === undefined) request.end()
    else body.pipe(request)
  })

// Only Linux tells the peak of another process.
describe.runIf(process.platform === "linux")(
  "a gigabyte costs the gateway less than 200 MB",
  { timeout: 60_000 },
  () => {
    const limit = 200 * 1024 ** 2

    it.live("as a download", () =>
      Effect.gen(function* () {
        const { child, port } = yield* gatewayBefore((yield* plant).url)
        const answer = yield* send(port, "GET", "/cp/api/auth/google/login")
        assert.strictEqual(yield* count(answer), gigabyte)
        assert.isBelow(peakOf(child), limit)
      }),
    )

    it.live("as an upload", () =>
      Effect.gen(function* () {
        const { child, port } = yield* gatewayBefore((yield* plant).url)
        const answer = yield* send(port, "POST", "/cp/api/v1/auth/register", zeros())
        const [received] = yield* Effect.promise(() => answer.toArray())
        assert.strictEqual(Number(received), gigabyte)
        assert.isBelow(peakOf(child), limit)
      }),
    )
  },
)
