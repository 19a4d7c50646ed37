import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startGateway } from "../GatewayUnderTest.ts"

const forgeable = [
  "X-User-Id",
  "X-User-Roles",
  "X-User-Email",
  "X-User-Anything",
  "X-Customer-Id",
  "X-Trial-Mode",
  "X-Gateway",
  "X-Gateway-Type",
  "X-Gateway-Anything",
  "X-Original-Authorization",
  "X-Metering-Cost",
  "X-Metering-Signature",
  "X-Target-Backend",
  "X-Causation-ID",
  "X-Request-ID",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-User",
  "X-Real-IP",
  "Forwarded",
  "X-HTTP-Method-Override",
  "X-Original-URL",
  "Proxy",
]

const spellings: ReadonlyArray<(name: string) => string> = [
  (name) => name,
  (name) => name.toLowerCase(),
  (name) => name.toUpperCase(),
  (name) => name.replaceAll("-", "_"),
  (name) => name.replace("-", "_").toLowerCase(),
]

const forged = forgeable.flatMap((name) =>
  spellings.flatMap((spell) => [`${spell(name)}: forged`, `${spell(name)}: forged twice`]),
)

it.live.each([
  ["on a protected route", "/cp/api/v1/agents", ""],
  ["named in Connection", "/cp/api/v1/agents", `Connection: ${forgeable.join(", ")}\r\n`],
  ["on a public route", "/cp/api/auth/google/login", ""],
] as const)(
  "no header that only the gateway may send reaches Plant as a client sent it: %s",
  ([, path, more]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const token = yield* gateway.token("CP")
      const answer = yield* gateway.raw(
        `GET ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n` +
          `${more}${forged.join("\r\n")}\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 200 /)
      const sent = gateway.plant.requests.filter(({ url }) => url !== "/health")
      assert.strictEqual(sent.length, 1)
      assert.deepStrictEqual(
        sent.flatMap(({ rawHeaders }) => rawHeaders.filter(([, value]) => value.includes("forged"))),
        [],
      )
    }),
)
