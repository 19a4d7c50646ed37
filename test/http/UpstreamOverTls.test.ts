import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { createSecureServer } from "node:http2"
import type { Socket } from "node:net"
import { setDefaultCACertificates } from "node:tls"
import { rawUpstream } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { selfSigned } from "../SelfSigned.ts"

const certificate = selfSigned()
// As NODE_EXTRA_CA_CERTS does for a process, here for this file's own worker.
setDefaultCACertificates([certificate.cert])

const path = "/cp/api/auth/google/login"

/** A gateway over a Plant that speaks HTTP/2 or HTTP/1.1 over TLS, behind a door that may shut on a connection. */
const world = Effect.fnUntraced(function* (shutsOn: (index: number) => boolean) {
  const seen: Array<string> = []
  const connections: Array<Socket> = []
  const server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
    seen.push(`${request.httpVersion} ${request.method} ${request.url}`)
    response.end("secure")
  })
  const url = yield* rawUpstream((socket, index) => {
    connections.push(socket)
    if (shutsOn(index)) socket.destroy()
    else server.emit("connection", socket)
  })
  const gateway = yield* startGateway({
    urls: { plant: url.replace("http:", "https:"), sandbox: Option.none() },
  })
  return { gateway, seen, connections: () => connections.length }
})

it.live("an upstream that offers HTTP/2 is spoken to in HTTP/1.1", () =>
  Effect.gen(function* () {
    const { gateway, seen } = yield* world(() => false)
    const answer = yield* gateway.send({ path })
    assert.strictEqual(answer.body, "secure")
    assert.deepStrictEqual(seen, ["1.1 GET /api/auth/google/login"])
  }),
)

it.live.each(["GET", "HEAD"])("%s is sent again, once, when no connection came about", (method) =>
  Effect.gen(function* () {
    const { gateway, seen, connections } = yield* world((index) => index === 0)
    const answer = yield* gateway.send({ path, method })
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(seen.length, 1)
    assert.strictEqual(connections(), 2)
  }),
)

it.live("a second failure is the answer", () =>
  Effect.gen(function* () {
    const { gateway, connections } = yield* world(() => true)
    const answer = yield* gateway.send({ path })
    assert.strictEqual(answer.status, 502)
    assert.strictEqual(connections(), 2)
  }),
)

it.live.each([
  ["a POST", { path: "/cp/api/v1/auth/logout", method: "POST" }],
  ["an upload", { path: "/cp/api/v1/auth/register", method: "POST", body: "x" }],
] as const)("what may change something is never sent again: %s", ([, sent]) =>
  Effect.gen(function* () {
    const { gateway, seen, connections } = yield* world((index) => index === 0)
    const answer = yield* gateway.send(sent)
    assert.strictEqual(answer.status, 502)
    assert.deepStrictEqual(seen, [])
    assert.strictEqual(connections(), 1)
  }),
)
