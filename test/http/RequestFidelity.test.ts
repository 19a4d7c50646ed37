import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"

it.live("the query reaches Plant byte for byte", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const query = "?a&b=%20&c=~&d=a/b&e=+&f=%7e&&g[]=1&g[]=2&h=%E2%82%ac&=i&?=j;k='(l)'"
    yield* gateway.send({ path: `/cp/api/auth/google/login${query}` })
    assert.strictEqual(gateway.plant.requests.at(-1)?.url, `/api/auth/google/login${query}`)
  }),
)

it.live("a lone question mark is kept", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    yield* gateway.send({ path: "/cp/api/auth/google/login?" })
    assert.strictEqual(gateway.plant.requests.at(-1)?.url, "/api/auth/google/login?")
  }),
)

it.live("headers keep their spelling, order, number and bytes", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const sent = [
      ["X-Zebra", "1"],
      ["x-Apple", "a, b"],
      ["ACCEPT", "text/html;q=0.5"],
      ["X-Zebra", "2"],
      ["cookie", "a=1"],
      ["Cookie", "b=2"],
      ["X-Empty", ""],
      ["X-Bytes", "caf\u00e9 \u00ff"],
      ["Accept-Encoding", "br"],
      ["If-None-Match", '"x"'],
      ["Range", "bytes=0-1"],
    ]
    yield* gateway.raw(
      Buffer.from(
        "GET /cp/api/auth/google/login HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n" +
          `${sent.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n`,
        "latin1",
      ),
    )
    const names = new Set(sent.map(([name]) => name))
    assert.deepStrictEqual(
      gateway.plant.requests
        .at(-1)
        ?.rawHeaders.filter(([name]) => names.has(name))
        .map((pair) => [...pair]),
      sent,
    )
  }),
)
