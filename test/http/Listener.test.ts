import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { HttpServer, HttpServerResponse } from "effect/http"
import { configured } from "../auth/World.ts"
import { CanonicalPath } from "../../src/http/CanonicalPath.ts"
import * as Server from "../../src/http/Server.ts"
import type { Application } from "../../src/http/Stage.ts"
import { rawClient } from "../AwkwardPeers.ts"
import { send } from "../Wire.ts"
import { until } from "../Until.ts"

/** The portals' listener over an application of the test's own. */
const listening = (application: Partial<Application>) =>
  Effect.gen(function* () {
    const read = yield* CanonicalPath
    const answer = Effect.succeed(HttpServerResponse.empty())
    const context = yield* Layer.build(Server.layer({ read, answer, ...application }))
    const { address } = Context.get(context, Server.PortalsAddress)
    return Number(new URL(HttpServer.formatAddress(address)).port)
  }).pipe(Effect.provide(Layer.provideMerge(CanonicalPath.layer, configured({ PORT: "0" }))))

describe("what no stage has caught is a bare 500, and the listener goes on:", () => {
  it.live.each<readonly [what: string, application: Partial<Application>]>([
    ["an application that dies", { answer: Effect.die("a defect") }],
    [
      "a request that cannot even be read",
      {
        read: () => {
          throw new Error("a defect")
        },
      },
    ],
    [
      "an answer whose headers Node refuses",
      { answer: Effect.succeed(HttpServerResponse.empty({ headers: { fine: "yes", broken: "a\nb" } })) },
    ],
    [
      "an answer that is a stream, which no stage gives",
      { answer: Effect.succeed(HttpServerResponse.stream(Stream.empty)) },
    ],
  ])("%s", ([, application]) =>
    Effect.gen(function* () {
      const port = yield* listening(application)
      for (let i = 0; i < 2; i++) {
        const answer = yield* send(port, { path: "/" })
        assert.strictEqual(answer.status, 500)
        assert.strictEqual(answer.body, "")
        assert.isUndefined(answer.headers["fine"])
      }
    }),
  )
})

it.live("an upgrade that was sent ahead of an answer takes nothing from it, and the connection ends", () =>
  Effect.gen(function* () {
    const port = yield* listening({
      answer: Effect.as(Effect.yieldNow, HttpServerResponse.text("whole")),
    })
    const { socket, received } = yield* rawClient(port)
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    socket.write(`GET / HTTP/1.1\r\nHost: gateway\r\n\r\nGET / HTTP/1.1\r\nHost: gateway\r\n${upgrade}\r\n`)
    yield* until(() => socket.destroyed)
    assert.match(received(), /^HTTP\/1\.1 200 [^]*whole$/)
  }),
)
