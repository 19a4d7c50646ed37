import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import { generateKeyPair } from "jose"
import * as MemoryRevocations from "../../layers/memory/Revocations.ts"
import type { Slug } from "../../src/http/Problems.ts"
import { goodClaims, secrets, type Signing, signed } from "../auth/World.ts"
import { assertProblem } from "../RawAnswer.ts"
import { notEnrolled, startFlagged } from "./FlaggedGateway.ts"

const env = { JWT_SECRET_CP: secrets.CP, JWT_SECRET_PP: secrets.PP }
const rows = { [goodClaims.CP.customer_id]: notEnrolled }
const hs256 = (key: string): Signing => ({ alg: "HS256", key: new TextEncoder().encode(key) })
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
const keyPair = (alg: string) => Effect.promise(() => generateKeyPair(alg))

type Claims = Readonly<Record<string, unknown>>
/** What a token of a customer who is not enrolled says, good for an hour from now. */
const claims = Effect.map(Clock.currentTimeMillis, (now): Claims => {
  const iat = Math.floor(now / 1000)
  return { ...goodClaims.CP, iat, exp: iat + 3600 }
})
const staffClaims = (own: Claims): Claims => ({
  ...own,
  iss: goodClaims.PP.iss,
  roles: ["admin"],
  customer_id: goodClaims.CP.customer_id,
})

const forgeries: ReadonlyArray<
  readonly [what: string, slug: Slug, forge: (good: Claims) => Effect.Effect<string>]
> = [
  [
    "alg none",
    "invalid-token-format",
    (good) => Effect.succeed(`${base64url({ alg: "none" })}.${base64url(good)}.`),
  ],
  [
    "alg none and a signature",
    "invalid-token",
    (good) => Effect.succeed(`${base64url({ alg: "none" })}.${base64url(good)}.AAAA`),
  ],
  [
    "a key of one's own",
    "invalid-token",
    (good) => signed(good, hs256("a key that somebody has thought of")),
  ],
  ["the other portal's key", "invalid-token", (good) => signed(good, hs256(secrets.PP))],
  [
    "an algorithm that the portal does not use",
    "invalid-token",
    (good) => Effect.flatMap(keyPair("ES256"), ({ privateKey: key }) => signed(good, { alg: "ES256", key })),
  ],
  [
    "claims that were changed after signing",
    "invalid-token",
    (good) =>
      Effect.map(signed({ ...good, customer_id: "customer-9" }, hs256(secrets.CP)), (token) => {
        const [header, , signature] = token.split(".")
        return `${header}.${base64url(good)}.${signature}`
      }),
  ],
  [
    "a time that is over",
    "token-expired",
    (good) =>
      signed(
        { ...good, iat: Number(good["iat"]) - 7200, exp: Number(good["iat"]) - 3600 },
        hs256(secrets.CP),
      ),
  ],
  ["the other portal's token", "invalid-token", (good) => signed(staffClaims(good), hs256(secrets.PP))],
  ["another issuer", "invalid-token", (good) => signed({ ...good, iss: "elsewhere" }, hs256(secrets.CP))],
  [
    "a refresh token",
    "invalid-token",
    (good) => signed({ ...good, token_type: "refresh" }, hs256(secrets.CP)),
  ],
]

const asked = Effect.fnUntraced(function* (authorization: Readonly<Record<string, string>>, slug: Slug) {
  const gateway = yield* startFlagged({ env, rows })
  const methods = [["GET"], ["POST"], ["DELETE", "/x"]] as const
  for (const [method, more = ""] of methods) {
    const answer = yield* gateway.send({
      method,
      path: `/cp/api/v1/agents${more}`,
      headers: { ...authorization, "x-customer-id": goodClaims.CP.customer_id },
    })
    assertProblem(answer, slug)
    assert.strictEqual(answer.status, 401)
  }
  assert.strictEqual(gateway.reached(), 0)
})

describe("a token that names a customer who is not enrolled is verified all the same", () => {
  it.live.each(forgeries)("%s is refused, and no upstream hears of it", ([, slug, forge]) =>
    Effect.gen(function* () {
      const token = yield* forge(yield* claims)
      yield* asked({ authorization: `Bearer ${token}` }, slug)
    }),
  )

  it.live("no token at all is refused, whatever customer a header names", () => asked({}, "unauthorized"))

  it.live.each([
    ["revoked", "token-revoked"],
    ["renewed", "token-version-mismatch"],
  ] as const)("a %s token is refused, though it went direct before", ([what, slug]) =>
    Effect.gen(function* () {
      const revocations = yield* Layer.build(MemoryRevocations.layer)
      const gateway = yield* startFlagged({
        env: { ...env, REVOCATION_FRESH_SECONDS: "0" },
        rows,
        ports: Layer.succeedContext(revocations),
      })
      const { revoke, setVersion } = Context.get(revocations, MemoryRevocations.RevocationList)
      const { jti, user_id: user } = goodClaims.CP
      const token = yield* signed(yield* claims, hs256(secrets.CP))
      const ask = gateway.send({ path: "/cp/api/v1/agents", headers: { authorization: `Bearer ${token}` } })
      assert.strictEqual((yield* ask).json()["upstream"], "plant-direct")
      yield* what === "revoked" ? revoke(jti) : setVersion(user, 2)
      assertProblem(yield* ask, slug)
      assert.strictEqual(gateway.reached(), 1)
    }),
  )
})
