import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"

const forwarded = Effect.fnUntraced(function* (
  trusted: string | undefined,
  headers: Readonly<Record<string, string | ReadonlyArray<string>>>,
) {
  const gateway = yield* startGateway({ env: trusted === undefined ? {} : { TRUSTED_PROXIES: trusted } })
  yield* gateway.send({ path: "/cp/api/auth/google/login", headers: { host: "portal.example", ...headers } })
  const sent = gateway.plant.requests.at(-1)?.rawHeaders ?? []
  const valueOf = (wanted: string) =>
    sent.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  return {
    for: valueOf("x-forwarded-for"),
    proto: valueOf("x-forwarded-proto"),
    host: valueOf("x-forwarded-host"),
    others: [...valueOf("forwarded"), ...valueOf("x-real-ip"), ...valueOf("x-forwarded-port")],
  }
})

const claims = {
  "X-Forwarded-For": "203.0.113.9",
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "spoofed.example",
  "X-Forwarded-Port": "1",
  "X-Real-IP": "203.0.113.9",
  Forwarded: "for=203.0.113.9",
}

describe("forwarded headers", () => {
  it.live("count for nothing when the peer is not trusted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* forwarded(undefined, claims), {
        for: ["127.0.0.1"],
        proto: ["http"],
        host: ["portal.example"],
        others: [],
      })
      assert.deepStrictEqual((yield* forwarded("10.0.0.0/8", claims)).for, ["127.0.0.1"])
    }),
  )

  it.live("of a trusted peer say who the client is, and what it asked for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* forwarded("127.0.0.1", claims), {
        for: ["203.0.113.9, 127.0.0.1"],
        proto: ["https"],
        host: ["spoofed.example"],
        others: [],
      })
    }),
  )

  it.live.each([
    [
      "the right-most untrusted address is the client",
      "127.0.0.1",
      "198.51.100.1, 203.0.113.9",
      "203.0.113.9, 127.0.0.1",
    ],
    [
      "trusted hops on the way stay",
      "127.0.0.1, 10.0.0.0/8",
      "198.51.100.1, 203.0.113.9, 10.1.2.3",
      "203.0.113.9, 10.1.2.3, 127.0.0.1",
    ],
    ["what is no address ends the chain", "127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"],
    [
      "a whole chain of trusted hops begins with the first",
      "127.0.0.0/8",
      "127.0.0.3, 127.0.0.2",
      "127.0.0.3, 127.0.0.2, 127.0.0.1",
    ],
    ["an empty list is no client", "127.0.0.1", "", "127.0.0.1"],
    ["IPv6 counts as well", "127.0.0.1", "2001:db8::1", "2001:db8::1, 127.0.0.1"],
  ] as const)("claims to the left of the client end at the gateway: %s", ([, trusted, chain, wanted]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* forwarded(trusted, { "X-Forwarded-For": chain })).for, [wanted])
    }),
  )

  it.live("may come on several lines, which are one list", () =>
    Effect.gen(function* () {
      const { for: sent } = yield* forwarded("127.0.0.1", {
        "X-Forwarded-For": ["198.51.100.1", "203.0.113.9"],
      })
      assert.deepStrictEqual(sent, ["203.0.113.9, 127.0.0.1"])
    }),
  )

  it.live("of a trusted peer with a host that is none leave the request's own", () =>
    Effect.gen(function* () {
      const { host, proto } = yield* forwarded("127.0.0.1", {
        "X-Forwarded-Host": "evil/path",
        "X-Forwarded-Proto": "gopher",
      })
      assert.deepStrictEqual(host, ["portal.example"])
      assert.deepStrictEqual(proto, ["http"])
    }),
  )
})
