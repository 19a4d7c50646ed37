import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { catalogue } from "../../src/http/Problems.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { assertOnlyProblem, assertProblem } from "../RawAnswer.ts"
import { exchangeRaw, send } from "../Wire.ts"

const staff = ["viewer", "industry_manager", "helpdesk_agent", "admin"] as const

const slugsOf = (body: Record<string, unknown>) =>
  // Each of the entries is checked below.
  (body["problems"] as ReadonlyArray<Record<string, unknown>>).map((entry) => {
    assert.strictEqual(entry["type"], `https://waooaw.com/errors/${String(entry["slug"])}`)
    assert.isNumber(entry["status"])
    assert.isNotEmpty(entry["title"])
    assert.isNotEmpty(entry["about"])
    return entry["slug"]
  })

describe("the catalogue of problems", () => {
  it.live.each(staff)("is there on PP for a %s", (role) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const authorization = `Bearer ${yield* gateway.token("PP", { roles: [role] })}`
      const answer = yield* gateway.send({ path: "/pp/_gateway/problems", headers: { authorization } })
      assert.strictEqual(answer.status, 200)
      assert.sameMembers(slugsOf(answer.json()), Object.keys(catalogue))
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("is not there on PP without a token, nor on CP, nor beside the portals", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const authorization = `Bearer ${yield* gateway.token("CP")}`
      assertProblem(yield* gateway.send({ path: "/pp/_gateway/problems" }), "unauthorized")
      assertProblem(
        yield* gateway.send({ path: "/cp/_gateway/problems", headers: { authorization } }),
        "not-found",
      )
      assertProblem(
        yield* gateway.send({ path: "/_gateway/problems", headers: { authorization } }),
        "not-found",
      )
    }),
  )

  it.live("is there on the operators' side", () =>
    Effect.gen(function* () {
      const { adminPort } = yield* startGateway()
      const answer = yield* send(adminPort, { path: "/_gateway/problems" })
      assert.sameMembers(slugsOf(answer.json()), Object.keys(catalogue))
    }),
  )
})

describe("metrics", () => {
  it.live("are on the operators' side alone, and count by portal and status", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const authorization = `Bearer ${yield* gateway.token("PP")}`
      for (const path of ["/metrics", "/cp/metrics", "/pp/metrics"]) {
        assertProblem(yield* gateway.send({ path, headers: { authorization } }), "not-found")
      }
      yield* gateway.send({ path: "/cp/api/auth/google/login" })
      const { body, status } = yield* send(gateway.adminPort, { path: "/metrics" })
      assert.strictEqual(status, 200)
      assert.match(body, /^gateway_http_requests_total\{[^}]*portal="CP"[^}]*status="200"[^}]*\} [1-9]/m)
      assert.match(body, /^gateway_http_requests_total\{[^}]*portal="none"[^}]*status="404"[^}]*\} [1-9]/m)
      assert.match(body, /^gateway_http_request_duration_seconds_count/m)
    }),
  )
})

describe("the operators' side", () => {
  it.live("refuses garbage as the portals do", () =>
    Effect.gen(function* () {
      const { adminPort } = yield* startGateway()
      assertOnlyProblem(yield* exchangeRaw(adminPort, "nonsense\r\n\r\n"), "bad-request")
      assert.strictEqual((yield* send(adminPort, { path: "/health" })).status, 200)
    }),
  )

  it.live("has no other routes: not those of the portals either", () =>
    Effect.gen(function* () {
      const { adminPort } = yield* startGateway()
      for (const path of ["/", "/cp/health", "/api/v1/agents", "/openapi.json"]) {
        const { instance } = assertProblem(yield* send(adminPort, { path: `${path}?secret=1` }), "not-found")
        assert.strictEqual(instance, path)
      }
    }),
  )
})
