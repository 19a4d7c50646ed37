import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, exportSPKI, generateKeyPair, type CryptoKey, type JWK } from "jose"
import { Authenticator } from "../../src/auth/Authenticator.ts"
import { Cp } from "../../src/portals/Cp.ts"
import { until } from "../Until.ts"
import { broken, type KeyServer, serving, startKeyServer } from "./KeyServer.ts"
import { atNoon, authenticator, goodClaims, secrets, signed, tokenFor } from "./World.ts"

interface Pair {
  readonly alg: string
  readonly kid: string
  readonly publicKey: CryptoKey
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}
const makePair = async (alg: string, kid: string): Promise<Pair> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { alg, kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } }
}
const rsa = await makePair("RS256", "rsa-1")
const ec = await makePair("ES256", "ec-1")
const ed = await makePair("EdDSA", "ed-1")
const next = await makePair("ES256", "ec-2")

/** A token that a pair signs; `kid` null leaves the key id out. */
const by = (
  { alg, kid, privateKey }: Pair,
  other: { readonly kid?: string | null; readonly jti?: string } = {},
) =>
  signed(
    { ...goodClaims.CP, ...(other.jti === undefined ? {} : { jti: other.jti }) },
    { alg, key: privateKey, header: other.kid === null ? {} : { kid: other.kid ?? kid } },
  )

const authenticate = (token: string) => Authenticator.use((_) => _.authenticate(Cp, token))
const refusal = (token: string) => Effect.flip(authenticate(token))

/** CP's keys come from a server of our own: fresh for 10 minutes, usable for an hour, fetched once in 10 seconds. */
const withKeys = <A, E>(
  answer: KeyServer["answer"],
  test: (keys: KeyServer) => Effect.Effect<A, E, Authenticator>,
  env: Readonly<Record<string, string>> = {},
) =>
  Effect.gen(function* () {
    yield* atNoon
    const keys = yield* startKeyServer(answer)
    return yield* test(keys).pipe(
      Effect.provide(
        authenticator({
          JWT_JWKS_URL_CP: keys.url,
          JWKS_COOLDOWN_SECONDS: "10",
          JWKS_FRESH_SECONDS: "600",
          JWKS_STALE_SECONDS: "3600",
          ...env,
        }),
      ),
    )
  })

describe("published keys", () => {
  it.effect.each([rsa, ec, ed])("verify $alg, and are fetched once for all tokens", (pair) =>
    withKeys(serving([rsa.jwk, ec.jwk, ed.jwk]), (keys) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* authenticate(yield* by(pair))).identity.userId, "user-7")
        yield* authenticate(yield* by(pair, { jti: "another" }))
        assert.strictEqual(keys.fetches, 1)
      }),
    ),
  )

  it.effect("serve beside a secret: the token's algorithm picks", () =>
    withKeys(serving([rsa.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* tokenFor("CP"))
        assert.strictEqual(keys.fetches, 0)
        yield* authenticate(yield* by(rsa))
      }),
    ),
  )

  it.effect("verify no algorithm that the list does not name", () =>
    withKeys(
      serving([rsa.jwk, ec.jwk]),
      (keys) =>
        Effect.gen(function* () {
          yield* authenticate(yield* by(ec))
          assert.strictEqual((yield* refusal(yield* by(rsa))).slug, "invalid-token")
          assert.strictEqual((yield* refusal(yield* tokenFor("CP"))).slug, "invalid-token")
          assert.strictEqual(keys.fetches, 1)
        }),
      { JWT_ALGORITHMS_CP: "ES256" },
    ),
  )

  it.effect("never serve as an HMAC secret (RS256 to HS256 confusion, RFC 8725 section 2.1)", () =>
    withKeys(serving([rsa.jwk]), () =>
      Effect.gen(function* () {
        const pem = yield* Effect.promise(() => exportSPKI(rsa.publicKey))
        const guesses = [pem, pem.trim(), JSON.stringify(rsa.jwk), rsa.jwk.n ?? "", ""]
        for (const text of guesses.filter((guess) => guess !== "")) {
          const key = new TextEncoder().encode(text)
          const forged = yield* signed(goodClaims.CP, { alg: "HS256", key, header: { kid: rsa.kid } })
          assert.strictEqual((yield* refusal(forged)).slug, "invalid-token")
        }
      }),
    ),
  )

  it.effect("that are symmetric are ignored, so that who writes the key set cannot introduce a secret", () =>
    withKeys(
      serving([
        rsa.jwk,
        { kty: "oct", kid: "oct-1", alg: "HS256", k: Buffer.from(secrets.PP).toString("base64url") },
      ]),
      () =>
        Effect.gen(function* () {
          const key = new TextEncoder().encode(secrets.PP)
          const forged = yield* signed(goodClaims.CP, { alg: "HS256", key, header: { kid: "oct-1" } })
          assert.strictEqual((yield* refusal(forged)).slug, "invalid-token")
        }),
    ),
  )

  it.effect("must fit the algorithm that the token names", () =>
    withKeys(
      serving([
        { ...rsa.jwk, alg: "PS256" },
        { ...ec.jwk, use: "enc" },
        { ...ed.jwk, key_ops: ["sign"] },
      ]),
      () =>
        Effect.gen(function* () {
          for (const pair of [rsa, ec, ed]) {
            assert.strictEqual((yield* refusal(yield* by(pair))).slug, "invalid-token", pair.alg)
          }
        }),
    ),
  )

  it.effect("need no key id while only one of them fits, and need one otherwise", () =>
    withKeys(serving([rsa.jwk, ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(rsa, { kid: null }))
        keys.answer = serving([rsa.jwk, ec.jwk, next.jwk])
        yield* TestClock.adjust("10 seconds")
        yield* authenticate(yield* by(next))
        assert.strictEqual((yield* refusal(yield* by(ec, { kid: null }))).slug, "invalid-token")
      }),
    ),
  )
})

describe("a key set that is renewed", () => {
  it.effect("brings the key of a token whose kid is new", () =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(ec))
        keys.answer = serving([next.jwk])
        yield* TestClock.adjust("10 seconds")
        yield* authenticate(yield* by(next))
        assert.strictEqual(keys.fetches, 2)
        assert.strictEqual((yield* refusal(yield* by(ec, { jti: "another" }))).slug, "invalid-token")
      }),
    ),
  )

  it.effect("is fetched in the background while the old keys serve", () =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(ec, { jti: "1" }))
        const waiting: Array<() => void> = []
        keys.answer = (response) => waiting.push(() => serving([ec.jwk, next.jwk])(response))
        yield* TestClock.adjust("599999 millis")
        yield* authenticate(yield* by(ec, { jti: "2" }))
        assert.strictEqual(keys.fetches, 1)
        yield* TestClock.adjust("1 millis")
        yield* authenticate(yield* by(ec, { jti: "3" }))
        yield* authenticate(yield* by(ec, { jti: "4" }))
        yield* until(() => waiting.length > 0)
        assert.strictEqual(keys.fetches, 2)
        waiting.forEach((answer) => answer())
        yield* authenticate(yield* by(next))
        assert.strictEqual(keys.fetches, 2)
      }),
    ),
  )

  it.effect("is fetched once for all who wait for it, also when the first of them leaves", () => {
    const waiting: Array<() => void> = []
    return withKeys(
      (response) => waiting.push(() => serving([ec.jwk])(response)),
      (keys) =>
        Effect.gen(function* () {
          const first = yield* Effect.forkChild(authenticate(yield* by(ec, { jti: "first" })), {
            startImmediately: true,
          })
          const others = yield* Effect.forEach(["a", "b", "c"], (jti) =>
            Effect.flatMap(by(ec, { jti }), (token) =>
              Effect.forkChild(authenticate(token), { startImmediately: true }),
            ),
          )
          yield* until(() => waiting.length > 0)
          yield* Fiber.interrupt(first)
          waiting.forEach((answer) => answer())
          yield* Effect.forEach(others, Fiber.join)
          assert.strictEqual(keys.fetches, 1)
        }),
    )
  })
})

describe("a storm of forged key ids", () => {
  it.effect("causes at most one fetch in a cooldown, while good tokens pass", () =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(ec))
        const storm = Effect.forEach(
          Array.from({ length: 50 }, (_, i) => `forged-${keys.fetches}-${i}`),
          (kid) => Effect.flatMap(by(next, { kid }), refusal),
          { concurrency: "unbounded" },
        )
        for (const problem of yield* storm) assert.strictEqual(problem.slug, "invalid-token")
        assert.strictEqual(keys.fetches, 1)
        yield* TestClock.adjust("10 seconds")
        yield* storm
        assert.strictEqual(keys.fetches, 2)
        yield* storm
        assert.strictEqual(keys.fetches, 2)
        yield* authenticate(yield* by(ec, { jti: "another" }))
      }),
    ),
  )

  it.effect("causes no more fetches when they fail", () =>
    withKeys(broken, (keys) =>
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) yield* refusal(yield* by(next, { kid: `forged-${i}` }))
        assert.strictEqual(keys.fetches, 1)
        yield* TestClock.adjust("10 seconds")
        for (let i = 0; i < 20; i++) yield* refusal(yield* by(next, { kid: `forged-${i}` }))
        assert.strictEqual(keys.fetches, 2)
      }),
    ),
  )
})

describe("an issuer whose keys cannot be had", () => {
  it.effect(
    "makes the service unavailable, never the token invalid, and is asked again after the cooldown",
    () =>
      withKeys(broken, (keys) =>
        Effect.gen(function* () {
          const token = yield* by(ec)
          const problem = yield* refusal(token)
          assert.strictEqual(problem.slug, "service-unavailable")
          assert.strictEqual(problem.headers?.["retry-after"], "10")
          keys.answer = serving([ec.jwk])
          yield* TestClock.adjust("7 seconds")
          assert.strictEqual((yield* refusal(token)).headers?.["retry-after"], "3")
          yield* TestClock.adjust("3 seconds")
          yield* authenticate(token)
          assert.strictEqual(keys.fetches, 2)
        }),
      ),
  )

  it.effect("is not missed until the keys are stale, and never for a token that is remembered", () =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        const remembered = yield* by(ec, { jti: "1" })
        yield* authenticate(remembered)
        keys.answer = broken
        yield* TestClock.adjust("3599 seconds")
        yield* authenticate(yield* by(ec, { jti: "2" }))
        yield* until(() => keys.fetches === 2)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* refusal(yield* by(ec, { jti: "3" }))).slug, "service-unavailable")
        yield* authenticate(remembered)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* refusal(yield* by(ec, { jti: "3" }))).slug, "service-unavailable")
        assert.strictEqual(keys.fetches, 3)
        keys.answer = serving([ec.jwk])
        yield* TestClock.adjust("10 seconds")
        yield* authenticate(yield* by(ec, { jti: "3" }))
      }),
    ),
  )

  it.effect("leaves open whether a new key id is genuine: unavailable, not invalid", () =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(ec))
        keys.answer = broken
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* refusal(yield* by(next))).slug, "service-unavailable")
        yield* authenticate(yield* by(ec, { jti: "another" }))
      }),
    ),
  )

  const unusable: ReadonlyArray<readonly [name: string, answer: KeyServer["answer"]]> = [
    ["another status", (response) => void response.writeHead(500).end(JSON.stringify({ keys: [ec.jwk] }))],
    ["no content", (response) => void response.writeHead(204).end()],
    ["no JSON", (response) => void response.end("<html>")],
    ["another JSON", (response) => void response.end(JSON.stringify([ec.jwk]))],
    ["keys that are no list", (response) => void response.end(JSON.stringify({ keys: { 0: ec.jwk } }))],
    ["no keys", serving([])],
    ["keys that are no objects", serving([null, "key", 7, [ec.jwk]])],
    ["private keys alone", serving([{ ...ec.jwk, d: "AAAA" }])],
    ["too many keys", serving(Array.from({ length: 101 }, (_, i) => ({ ...ec.jwk, kid: `ec-${i}` })))],
    ["too many bytes", serving([ec.jwk, { ...rsa.jwk, x5c: ["A".repeat(256 * 1024)] }])],
  ]
  it.effect.each(unusable)("is what an answer with %s means, and the keys held stay", ([, answer]) =>
    withKeys(serving([ec.jwk]), (keys) =>
      Effect.gen(function* () {
        yield* authenticate(yield* by(ec))
        keys.answer = answer
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* refusal(yield* by(next))).slug, "service-unavailable")
        assert.strictEqual(keys.fetches, 2)
        yield* authenticate(yield* by(ec, { jti: "another" }))
      }),
    ),
  )

  it.effect("is what a redirect means, for keys come from where the operator said", () =>
    Effect.gen(function* () {
      const elsewhere = yield* startKeyServer(serving([ec.jwk]))
      yield* withKeys(
        (response) => void response.writeHead(302, { location: elsewhere.url }).end(),
        () => Effect.flatMap(by(ec), refusal),
      )
      assert.strictEqual(elsewhere.fetches, 0)
    }),
  )

  it.effect("is what silence means after 5 seconds", () => {
    const asked = Deferred.makeUnsafe<void>()
    return withKeys(
      () => Deferred.doneUnsafe(asked, Effect.void),
      () =>
        Effect.gen(function* () {
          const waiting = yield* Effect.forkChild(Effect.flatMap(by(ec), refusal), { startImmediately: true })
          yield* Deferred.await(asked)
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual((yield* Fiber.join(waiting)).slug, "service-unavailable")
        }),
    )
  })
})

describe("the start", () => {
  it.effect("does not need the issuer", () =>
    Effect.gen(function* () {
      yield* atNoon
      yield* Effect.provide(
        Effect.flatMap(tokenFor("CP"), authenticate),
        authenticator({ JWT_JWKS_URL_CP: "http://127.0.0.1:1/jwks.json" }),
      )
    }),
  )
})
