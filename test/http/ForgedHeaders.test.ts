import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { notEnrolled, startFlagged } from "../flags/FlaggedGateway.ts"

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
  ["on a protected route", "/cp/api/v1/agents", "", {}],
  ["named in Connection", "/cp/api/v1/agents", `Connection: ${forgeable.join(", ")}\r\n`, {}],
  ["on a public route", "/cp/api/auth/google/login", "", {}],
  ["past the gateway", "/cp/api/v1/agents", "", { "customer-1": notEnrolled }],
] as const)(
  "no header that only the gateway may send reaches an upstream as a client sent it: %s",
  ([, path, more, rows]) =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const authorization = yield* gateway.bearer("CP")
      const answer = yield* gateway.raw(
        `GET ${path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: ${authorization}\r\n` +
          `${more}${forged.join("\r\n")}\r\n\r\n`,
      )
      assert.match(answer, /^HTTP\/1\.1 200 /)
      const { plant, direct } = gateway
      const sent = [...plant.requests, ...direct.requests].filter(({ url }) => url !== "/health")
      assert.strictEqual(sent.length, 1)
      assert.deepStrictEqual(
        sent.flatMap(({ rawHeaders }) => rawHeaders.filter(([, value]) => value.includes("forged"))),
        [],
      )
    }),
)
