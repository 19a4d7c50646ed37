import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"

it.live("hop-by-hop headers of the client, and those it names in Connection, end at the gateway", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    yield* gateway.raw(
      "GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\n" +
        "Connection: close, X-Mine\r\nconnection: X-Also-Mine , x-THIRD\r\n" +
        "X-Mine: here\r\nx-also-mine: here\r\nX-Third: here\r\nX-Kept: kept\r\n" +
        "Keep-Alive: timeout=9\r\nProxy-Connection: here\r\nProxy-Authorization: Basic here\r\n" +
        "TE: trailers\r\nTrailer: here\r\nUpgrade: h2c\r\nProxy_Authorization: Basic here\r\n\r\n",
    )
    const headers = gateway.plant.requests.at(-1)?.rawHeaders ?? []
    const names = headers.map(([name]) => name.toLowerCase().replaceAll("_", "-"))
    assert.include(names, "x-kept")
    for (const name of [
      "x-mine",
      "x-also-mine",
      "x-third",
      "keep-alive",
      "proxy-connection",
      "proxy-authorization",
      "te",
      "trailer",
      "upgrade",
      "transfer-encoding",
    ]) {
      assert.notInclude(names, name)
    }
    assert.deepStrictEqual(
      headers.filter(([name]) => name.toLowerCase() === "connection").map(([, value]) => value),
      ["keep-alive"],
    )
    assert.deepStrictEqual(
      headers.filter(([name]) => name.toLowerCase() === "host").map(([, value]) => value),
      [new URL(gateway.plant.url).host],
    )
  }),
)

it.live(
  "hop-by-hop headers of Plant, those it names in Connection, and what it knows of callers end there too",
  () =>
    Effect.gen(function* () {
      const plant = yield* upstreamSaying(
        "HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nConnection: keep-alive\r\nX-Mine: here\r\nX-Kept: kept\r\n" +
          "Keep-Alive: timeout=99\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\nTE: gzip\r\n" +
          "X-User-Id: u-1\r\nX-Metering-Cost: 1\r\nX-Original-Authorization: Bearer x\r\n" +
          "Access-Control-Allow-Origin: *\r\nX-Correlation-ID: forged\r\nContent-Length: 2\r\n\r\nok",
      )
      const gateway = yield* startGateway({ urls: { plant, sandbox: Option.none() } })
      const answer = yield* gateway.send({ path: "/cp/api/auth/google/login" })
      assert.strictEqual(answer.body, "ok")
      assert.strictEqual(answer.headers["x-kept"], "kept")
      for (const name of [
        "x-mine",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "x-user-id",
        "x-metering-cost",
        "x-original-authorization",
        "access-control-allow-origin",
      ]) {
        assert.notProperty(answer.headers, name)
      }
      assert.notStrictEqual(answer.headers["keep-alive"], "timeout=99")
      assert.notStrictEqual(answer.headers["x-correlation-id"], "forged")
    }),
)
