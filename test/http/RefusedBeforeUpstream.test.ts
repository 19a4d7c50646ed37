import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { exportJWK, exportSPKI, generateKeyPair } from "jose"
import type { Slug } from "../../src/http/Problems.ts"
import { serving, startKeyServer } from "../auth/KeyServer.ts"
import { goodClaims, secrets, signed } from "../auth/World.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem } from "../RawAnswer.ts"

const secretOf = { JWT_SECRET_CP: secrets.CP, JWT_SECRET_PP: secrets.PP }
const bytes = (text: string) => new TextEncoder().encode(text)
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** Claims that CP accepts for an hour from now, but for the changes. */
const claims = (changes: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const iat = Math.floor(now / 1000)
    return { ...goodClaims.CP, iat, exp: iat + 3600, ...changes }
  })
const hs256 = (key: string) => ({ alg: "HS256", key: bytes(key) })
const goodToken = Effect.flatMap(claims(), (good) => signed(good, hs256(secrets.CP)))

const asking = (target: string, headers: ReadonlyArray<string>, method = "GET") =>
  [`${method} ${target} HTTP/1.1`, "Host: gateway", "Connection: close", ...headers, "", ""].join("\r\n")

const targets: ReadonlyArray<readonly [what: string, target: string, slug: Slug, method?: string]> = [
  ["an encoded slash under a public path", "/cp/health/..%2f../api/v1/agents", "bad-request"],
  ["encoded dots under a public path", "/cp/health/%2e%2e/api/v1/agents", "bad-request"],
  ["dots under a public path", "/cp/health/../api/v1/agents", "bad-request"],
  ["dots with a path parameter", "/cp/health/..;x/api/v1/agents", "bad-request"],
  ["dots that are encoded twice", "/cp/health/%252e%252e/api/v1/agents", "bad-request"],
  ["dots in overlong UTF-8", "/cp/health/%c0%ae%c0%ae/api/v1/agents", "bad-request"],
  ["dots in front of the prefix", "/pp/../cp/api/v1/agents", "bad-request"],
  ["a double slash", "/cp//api/v1/agents", "bad-request"],
  ["a double slash at the start", "//cp/api/v1/agents", "bad-request"],
  ["a slash at the end", "/cp/api/v1/agents/", "bad-request"],
  ["a backslash", "/cp/health\\..\\api/v1/agents", "bad-request"],
  ["an encoded backslash", "/cp/health%5c..%5capi/v1/agents", "bad-request"],
  ["an encoded NUL", "/cp/api/v1/agents/a%00", "bad-request"],
  ["an encoded line break", "/cp/api/v1/agents/a%0d%0ax", "bad-request"],
  ["a fragment", "/cp/api/v1/agents#x", "bad-request"],
  ["a path that only ends like a public one", "/cp/api/v1/docs", "not-found"],
  ["another path that only ends like a public one", "/cp/api/v1/x/openapi.json", "not-found"],
  ["an absolute target", "http://gateway/cp/api/v1/agents", "bad-request"],
  ["an absolute target of another host", "http://plant/api/v1/agents", "bad-request"],
  ["an authority as target", "plant:80", "bad-request"],
  ["CONNECT", "plant:80", "bad-request", "CONNECT"],
  ["the asterisk", "*", "bad-request", "OPTIONS"],
  ["an encoded prefix", "/%63p/api/v1/agents", "not-found"],
  ["a prefix in capitals", "/CP/api/v1/agents", "not-found"],
  ["a prefix alone", "/cp", "not-found"],
  ["a path without a prefix", "/api/v1/agents", "not-found"],
  ["a route of the other portal", "/cp/api/v1/sla/breaches", "not-found"],
]

const tokens: ReadonlyArray<readonly [what: string, claims: Readonly<Record<string, unknown>>]> = [
  ["a refresh token", { token_type: "refresh" }],
  ["roles in a string", { roles: "customer_admin" }],
  ["a role of the other portal", { roles: ["admin"] }],
  ["no customer", { customer_id: undefined }],
  ["another issuer", { iss: "elsewhere.example" }],
]

const lines: ReadonlyArray<readonly [what: string, lines: (token: string) => ReadonlyArray<string>]> = [
  ["two lines", (token) => [`Authorization: Bearer ${token}`, `authorization: Bearer ${token}`]],
  ["one line with a comma", (token) => [`Authorization: Bearer ${token}, Bearer ${token}`]],
  ["a line that is empty besides", (token) => ["Authorization:", `Authorization: Bearer ${token}`]],
  ["another scheme", (token) => [`Authorization: Basic ${token}`]],
]

/** One request with a token of these claims, signed so, in a gateway with this environment. */
const refusedToken = (token: string, slug: Slug, env: Readonly<Record<string, string>> = secretOf) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    const request = asking("/cp/api/v1/agents", [`Authorization: Bearer ${token}`])
    assertOnlyProblem(yield* gateway.raw(request), slug)
    assert.strictEqual(gateway.reached(), 0)
  })

describe("refused without touching an upstream", () => {
  it.live.each(targets)("%s", ([, target, slug, method]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: secretOf })
      const answer = yield* gateway.raw(asking(target, [`Authorization: Bearer ${yield* goodToken}`], method))
      assertOnlyProblem(answer, slug)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live.each(["/cp/api/v1/agents/docs", "/cp/api/v1/agents/openapi.json", "/cp/api/v1/agents/health"])(
    "%s without a token, for no route is public by its ending",
    (path) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway()
        assertOnlyProblem(yield* gateway.raw(asking(path, [])), "unauthorized")
        assert.strictEqual(gateway.reached(), 0)
      }),
  )

  it.live.each([
    ["CP", "/pp"],
    ["PP", "/cp"],
  ] as const)("a token of %s on %s", ([portal, prefix]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const authorization = `Authorization: Bearer ${yield* gateway.token(portal)}`
      assertOnlyProblem(
        yield* gateway.raw(asking(`${prefix}/api/v1/agents`, [authorization])),
        "invalid-token",
      )
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live.each(tokens)("a token with %s", ([, changes]) =>
    Effect.gen(function* () {
      yield* refusedToken(yield* signed(yield* claims(changes), hs256(secrets.CP)), "invalid-token")
    }),
  )

  it.live("a token that lives for 25 hours", () =>
    Effect.gen(function* () {
      const { iat } = yield* claims()
      const token = yield* signed(yield* claims({ exp: iat + 25 * 3600 }), hs256(secrets.CP))
      yield* refusedToken(token, "invalid-token")
    }),
  )

  it.live("a token with alg none, with and without a signature", () =>
    Effect.gen(function* () {
      const unsigned = `${base64url({ alg: "none", typ: "JWT" })}.${base64url(yield* claims())}.`
      yield* refusedToken(unsigned, "invalid-token-format")
      yield* refusedToken(`${unsigned}x`, "invalid-token")
    }),
  )

  it.live("an HS256 token made with the public key of RS256", () =>
    Effect.gen(function* () {
      const { publicKey } = yield* Effect.promise(() => generateKeyPair("RS256", { extractable: true }))
      const jwk = yield* Effect.promise(() => exportJWK(publicKey))
      const { url } = yield* startKeyServer(serving([{ ...jwk, kid: "k", alg: "RS256", use: "sig" }]))
      const pem = yield* Effect.promise(() => exportSPKI(publicKey))
      const env = { ...secretOf, JWT_JWKS_URL_CP: url, JWT_ALGORITHMS_CP: "RS256" }
      for (const key of [pem, JSON.stringify(jwk), jwk.n ?? "", secrets.CP]) {
        const token = yield* signed(yield* claims(), { ...hs256(key), header: { kid: "k" } })
        yield* refusedToken(token, "invalid-token", env)
      }
    }),
  )

  it.live.each(lines)("a token in %s", ([, linesWith]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: secretOf })
      const answer = yield* gateway.raw(asking("/cp/api/v1/agents", linesWith(yield* goodToken)))
      assertOnlyProblem(answer, "invalid-token-format")
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("and the very token of these tests passes where nothing is wrong", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: secretOf })
      const request = asking("/cp/api/v1/agents", [`Authorization: Bearer ${yield* goodToken}`])
      assert.match(yield* gateway.raw(request), /^HTTP\/1\.1 200 OK\r\n/)
      assert.strictEqual(gateway.reached(), 1)
    }),
  )
})
