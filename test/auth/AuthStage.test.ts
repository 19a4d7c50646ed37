import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, References } from "effect"
import { HttpServerResponse } from "effect/http"
import { request, type IncomingHttpHeaders } from "node:http"
import { inspect } from "node:util"
import { AuthStage } from "../../src/auth/AuthStage.ts"
import { ConstitutionalContext } from "../../src/auth/ConstitutionalContext.ts"
import { IssuerKeys } from "../../src/auth/Keys.ts"
import { mint } from "../../src/auth/Mint.ts"
import { Revocations, RevocationsUnavailable } from "../../src/auth/Revocations.ts"
import type { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { AdmissionStage } from "../../src/http/Admission.ts"
import type { Problem } from "../../src/http/Problems.ts"
import { findRoute, type Match } from "../../src/http/Routes.ts"
import * as Server from "../../src/http/Server.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { tokenDigest } from "../../src/auth/VerifiedTokens.ts"
import { configured, nothingRevoked } from "./World.ts"

/** Of the real table, so that the tests hold for it. */
const matches: Readonly<Record<string, Match | Problem>> = {
  "/public": findRoute("CP", "GET", "/health"),
  "/protected": findRoute("CP", "GET", "/api/v1/agents"),
  "/own-authentication": findRoute("PP", "POST", "/_gateway/billing/events"),
  "/nowhere": findRoute("CP", "GET", "/nowhere"),
}

/**
 * A server with the stage alone in it. It answers with the branch that ran and whom it saw, and counts the runs:
 * a refused request reaches neither.
 */
const startServer = Effect.fnUntraced(function* (portal: PortalId | undefined) {
  const auth = yield* AuthStage
  const ran = { anonymous: 0, signedIn: 0 }
  const admission = yield* AdmissionStage
  const app = admission(
    auth({
      anonymous: Effect.sync(() => {
        ran.anonymous++
        return HttpServerResponse.text("anonymous")
      }),
      signedIn: Effect.map(ConstitutionalContext, ({ userId }) => {
        ran.signedIn++
        return HttpServerResponse.text(userId)
      }),
    }),
  )
  const listening = yield* Layer.build(
    Server.layer({
      read: (received, response) => {
        // Node always sets both.
        const [method, url] = [received.method as string, received.url as string]
        return {
          portal,
          method,
          requestedPath: url,
          path: url,
          search: "",
          match: matches[url] ?? assert.fail(`no route ${url}`),
          client: { address: "127.0.0.1", protocol: "http", host: "localhost", forwardedFor: "127.0.0.1" },
          request: received,
          response,
          answerHeaders: new Map(),
          facts: new Map(),
        }
      },
      answer: app.pipe(
        Effect.catch((problem) =>
          Effect.succeed(
            HttpServerResponse.jsonUnsafe(
              { slug: problem.slug, detail: problem.detail, ...problem.extensions },
              { status: problem.status, headers: problem.headers ?? {} },
            ),
          ),
        ),
      ),
    }),
  )
  const { address } = Context.get(listening, Server.PortalsAddress)
  const port = "port" in address ? address.port : assert.fail("no TCP address")
  return { ran, call: caller(port) }
})

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
/** A list of values makes as many headers of one name, in that order. */
const caller =
  (port: number) =>
  (path: string, authorization?: string | Array<string>, method = "GET"): Effect.Effect<Answer> =>
    Effect.callback((resume) => {
      const values = authorization === undefined ? [] : [authorization].flat()
      const headers = ["Host", "localhost", ...values.flatMap((value) => ["Authorization", value])]
      request({ port, host: "127.0.0.1", path, method, headers, agent: false }, (response) => {
        let body = ""
        response
          .setEncoding("utf8")
          .on("data", (chunk: string) => (body += chunk))
          .on("end", () =>
            resume(Effect.succeed({ status: response.statusCode, headers: response.headers, body })),
          )
      }).end()
    })

const world = (
  stage: Layer.Layer<AuthStage, unknown, GatewayConfig | IssuerKeys | Revocations>,
  revocations: Layer.Layer<Revocations> = nothingRevoked,
) =>
  stage.pipe(
    Layer.merge(AdmissionStage.layer),
    Layer.provide([IssuerKeys.layer, revocations]),
    Layer.provideMerge(configured({ PORT: "0" })),
  )
const on = world(AuthStage.layer)
const revocationsAway = world(
  AuthStage.layer,
  Layer.succeed(Revocations, { check: () => Effect.fail(new RevocationsUnavailable({ cause: "away" })) }),
)

describe("a protected route", () => {
  it.live("is for who sends a token, and knows them", () =>
    Effect.gen(function* () {
      const { call } = yield* startServer("CP")
      const token = yield* mint("CP", { userId: "user-9" })
      for (const scheme of ["Bearer", "bearer"]) {
        const answer = yield* call("/protected", `${scheme} ${token}`)
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.body, "user-9")
        assert.isUndefined(answer.headers["x-gateway-degraded"])
      }
    }).pipe(Effect.provide(on)),
  )

  it.live("refuses everybody else before either branch runs", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer("CP")
      const token = yield* mint("CP")
      const other = yield* mint("CP", { userId: "user-2" })
      yield* call("/protected", `Bearer ${token}`)
      yield* call("/protected", `Bearer ${other}`)
      assert.strictEqual(ran.signedIn, 2)
      const refused: ReadonlyArray<
        readonly [slug: string, authorization: string | Array<string> | undefined]
      > = [
        ["unauthorized", undefined],
        ["invalid-token-format", ""],
        ["invalid-token-format", "Basic dXNlcjpwYXNz"],
        ["invalid-token-format", token],
        ["invalid-token-format", [`Bearer ${token}`, `Bearer ${other}`]],
        ["invalid-token-format", [`Bearer ${token}`, `Bearer ${token}`]],
        ["invalid-token-format", [`Bearer ${token}`, "Basic dXNlcjpwYXNz"]],
        ["invalid-token-format", ["", `Bearer ${token}`]],
        ["invalid-token-format", `Bearer ${token}, Bearer ${other}`],
        ["invalid-token-format", `Bearer ${token},Bearer ${token}`],
        ["invalid-token-format", `Basic dXNlcjpwYXNz, Bearer ${token}`],
        ["invalid-token-format", `Bearer ${token} `.repeat(2)],
        ["invalid-token-format", `Bearer ${"a".repeat(9000)}`],
        ["invalid-token", `Bearer ${yield* mint("PP")}`],
        ["invalid-token", `Bearer ${yield* mint("CP", { roles: ["admin"] })}`],
        ["invalid-token", `Bearer ${yield* mint("CP", { lifetimeSeconds: 25 * 3600 })}`],
        ["invalid-token", `Bearer ${token.slice(0, -6)}AAAAAA`],
      ]
      for (const [slug, authorization] of refused) {
        const answer = yield* call("/protected", authorization)
        assert.strictEqual(JSON.parse(answer.body).slug, slug, String(authorization).slice(0, 40))
        assert.strictEqual(answer.status, 401)
        assert.match(answer.headers["www-authenticate"] ?? "", /^Bearer realm=/)
      }
      assert.deepStrictEqual(ran, { anonymous: 0, signedIn: 2 })
    }).pipe(Effect.provide(on)),
  )

  it.live("of one portal refuses the other's token, both ways", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer("PP")
      assert.strictEqual((yield* call("/protected", `Bearer ${yield* mint("CP")}`)).status, 401)
      assert.deepStrictEqual(ran, { anonymous: 0, signedIn: 0 })
      assert.strictEqual((yield* call("/protected", `Bearer ${yield* mint("PP")}`)).status, 200)
    }).pipe(Effect.provide(on)),
  )

  it.live("outside both portals lets nobody in", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer(undefined)
      assert.strictEqual((yield* call("/protected", `Bearer ${yield* mint("PP")}`)).status, 401)
      assert.deepStrictEqual(ran, { anonymous: 0, signedIn: 0 })
    }).pipe(Effect.provide(on)),
  )
})

describe("a refusal", () => {
  it.live("is logged with its reason, and without the token or what stands for it in memory", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message, cause }) => {
      lines.push(inspect({ message, cause }, { depth: 9 }))
    })
    return Effect.gen(function* () {
      const { call } = yield* startServer("CP")
      const tokens = [
        yield* mint("PP"),
        yield* mint("CP", { roles: ["admin"] }),
        `${(yield* mint("CP")).slice(0, -6)}AAAAAA`,
        "not.a.token",
      ]
      for (const token of tokens) yield* call("/protected", `Bearer ${token}`)
      const log = lines.join("\n")
      assert.include(log, "The claim roles has a role that this portal does not know.")
      assert.include(log, "The token's signature does not verify.")
      for (const token of tokens) {
        assert.notInclude(log, token)
        assert.notInclude(log, tokenDigest(token))
      }
    }).pipe(
      Effect.provide(on),
      Effect.provide([Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug")]),
    )
  })
})

describe("other routes", () => {
  it.live("that are public are answered without an identity, whatever token comes along", () =>
    Effect.gen(function* () {
      const { call } = yield* startServer("CP")
      for (const authorization of [undefined, "Bearer garbage", `Bearer ${yield* mint("CP")}`]) {
        assert.strictEqual((yield* call("/public", authorization)).body, "anonymous")
      }
    }).pipe(Effect.provide(on)),
  )

  it.live("that verify a credential of their own are left to it", () =>
    Effect.gen(function* () {
      const { call } = yield* startServer("PP")
      const answer = yield* call("/own-authentication", "Bearer of.another.issuer", "POST")
      assert.strictEqual(answer.body, "anonymous")
    }).pipe(Effect.provide(on)),
  )

  it.live("that do not exist are refused as such, with or without a token", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer("CP")
      assert.strictEqual((yield* call("/nowhere")).status, 404)
      assert.strictEqual((yield* call("/nowhere", `Bearer ${yield* mint("CP")}`)).status, 404)
      assert.deepStrictEqual(ran, { anonymous: 0, signedIn: 0 })
    }).pipe(Effect.provide(on)),
  )
})

describe("while revocations are away and nothing is known", () => {
  it.live("safe methods pass, marked as degraded", () =>
    Effect.gen(function* () {
      const { call } = yield* startServer("CP")
      const authorization = `Bearer ${yield* mint("CP")}`
      for (const method of ["GET", "HEAD", "OPTIONS"]) {
        const answer = yield* call("/protected", authorization, method)
        assert.strictEqual(answer.status, 200, method)
        assert.strictEqual(answer.headers["x-gateway-degraded"], "revocation")
      }
    }).pipe(Effect.provide(revocationsAway)),
  )

  it.live("all other methods are refused with 503 and a time to try again, never with 401", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer("CP")
      const authorization = `Bearer ${yield* mint("CP")}`
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const answer = yield* call("/protected", authorization, method)
        assert.strictEqual(answer.status, 503, method)
        assert.strictEqual(answer.headers["retry-after"], "1")
      }
      assert.deepStrictEqual(ran, { anonymous: 0, signedIn: 0 })
    }).pipe(Effect.provide(revocationsAway)),
  )

  it.live("a bad token is as bad as ever", () =>
    Effect.gen(function* () {
      const { call } = yield* startServer("CP")
      assert.strictEqual((yield* call("/protected", `Bearer ${yield* mint("PP")}`)).status, 401)
    }).pipe(Effect.provide(revocationsAway)),
  )
})

describe("with authentication switched off", () => {
  it.live("nobody has an identity", () =>
    Effect.gen(function* () {
      const { call, ran } = yield* startServer("CP")
      assert.strictEqual((yield* call("/protected", `Bearer ${yield* mint("CP")}`)).body, "anonymous")
      assert.strictEqual((yield* call("/protected")).body, "anonymous")
      assert.deepStrictEqual(ran, { anonymous: 2, signedIn: 0 })
    }).pipe(Effect.provide(world(AuthStage.layerOff))),
  )
})
