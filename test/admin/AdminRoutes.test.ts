import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adminApi } from "../../src/admin/AdminApi.ts"
import { Recorded } from "../rollback/World.ts"
import { Admin, admin, correlationId, engineer, governor, world } from "./AdminUnderTest.ts"

const decision = { method: "POST", path: "/_gateway/approvals/some-id/approve" } as const

describe("The admin API", () => {
  it.effect.each([
    "/_gateway",
    "/_gateway/nothing",
    "/_gateway/approvals/a/b",
    "/_gateway/Approvals",
    `/_gateway/approvals/${"x".repeat(101)}`,
  ])("answers %s with a problem: there is no such route", (path) =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      // The first question loads it, and the second meets it loaded.
      for (let i = 0; i < 2; i++) {
        assert.strictEqual((yield* Effect.flip(ask(admin, { path }))).slug, "not-found")
      }
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    ["POST", "/_gateway/approvals", "GET, HEAD"],
    ["DELETE", "/_gateway/approvals/some-id", "GET, HEAD"],
    ["GET", "/_gateway/approvals/some-id/approve", "POST"],
    ["PUT", "/_gateway/breakers/redis/force", "DELETE, POST"],
  ] as const)("answers %s %s with 405 and what it is served with", ([method, path, allow]) =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { slug, headers } = yield* Effect.flip(ask(admin, { method, path }))
      assert.strictEqual(slug, "method-not-allowed")
      assert.deepStrictEqual(headers, { allow })
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    ["nothing", {}, "In the body: expected object."],
    ["no JSON", { body: '{"reason"' }, "In the body: expected a valid JSON body."],
    ["no object", { body: "7" }, "In the body: expected object."],
    ["no reason", { body: {} }, "In the body: reason: missing key."],
    ["a number for a reason", { body: { reason: 7 } }, "In the body: reason: expected string."],
    [
      "a blank reason",
      { body: { reason: "  " } },
      "In the body: reason: expected one line of 1 to 500 characters that says why.",
    ],
    [
      "a reason of two lines",
      { body: { reason: "one\ntwo" } },
      "In the body: reason: expected one line of 1 to 500 characters that says why.",
    ],
    [
      "an endless reason",
      { body: { reason: "x".repeat(501) } },
      "In the body: reason: expected one line of 1 to 500 characters that says why.",
    ],
    [
      "a member that means nothing",
      { body: { reason: "Because.", force: true } },
      "In the body: force: expected no excess property.",
    ],
    [
      "another content type",
      { body: "reason=Because", contentType: "application/x-www-form-urlencoded" },
      "The body has to be JSON, with the content type application/json.",
    ],
  ] as const)("refuses %s, and says what is wrong", ([, asked, detail]) =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const problem = yield* Effect.flip(ask(governor, { ...decision, ...asked }))
      assert.deepStrictEqual([problem.slug, problem.detail], ["bad-request", detail])
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    ["?limit=0", "limit: expected a value between 1 and 200"],
    ["?limit=201", "limit: expected a value between 1 and 200"],
    ["?limit=1.5", "limit: expected an integer"],
    ["?limit=many", "limit: expected a finite number"],
    ["?limit=1&limit=2", "limit: expected string"],
    ["?status=open", 'status: expected "pending" | "approved" | "denied" | "consumed"'],
    ["?state=pending", "state: expected no excess property"],
  ])("refuses the query %s", ([query, wrong]) =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { slug, detail } = yield* Effect.flip(ask(admin, { path: `/_gateway/approvals${query}` }))
      assert.deepStrictEqual([slug, detail], ["bad-request", `In the query: ${wrong}.`])
    }).pipe(Effect.provide(world())),
  )

  it.effect("reads no body of more than 16 KiB", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const fits = JSON.stringify({ reason: "x".repeat(16_384 - 13) })
      const tooLong = JSON.stringify({ reason: "x".repeat(16_384 - 12) })
      assert.strictEqual(Buffer.byteLength(fits), 16_384)
      const problems = [
        yield* Effect.flip(ask(governor, { ...decision, body: fits })),
        yield* Effect.flip(ask(governor, { ...decision, body: tooLong })),
      ]
      assert.deepStrictEqual(
        problems.map(({ slug }) => slug),
        ["bad-request", "payload-too-large"],
      )
    }).pipe(Effect.provide(world())),
  )

  it.effect("refuses whom it does not serve before it looks at what they sent, and puts that on record", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { slug, detail } = yield* Effect.flip(ask(engineer, { ...decision, body: "{" }))
      assert.strictEqual(slug, "permission-denied")
      assert.match(detail, /governor_agent_id/)
      const [event] = yield* Recorded
      assert.deepInclude(event, { kind: "security", name: "permission_denied", severity: "WARNING" })
      assert.deepStrictEqual(event?.details, {
        portal: "PP",
        method: "POST",
        route: "/_gateway/approvals/:id/approve",
        path: "/_gateway/approvals/some-id/approve",
        problem: "permission-denied",
        permission: "approvals.decide",
        required_roles: ["admin"],
      })
      assert.include(JSON.stringify(event), correlationId)
    }).pipe(Effect.provide(world())),
  )

  it.effect("serves nobody whom authentication has not named, and no customer who got here", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      assert.strictEqual((yield* Effect.flip(ask(undefined, decision))).slug, "unauthorized")
      const customersGovernor = { ...governor, portal: "CP", roles: ["governor", "admin"] } as const
      assert.strictEqual((yield* Effect.flip(ask(customersGovernor, decision))).slug, "permission-denied")
    }).pipe(Effect.provide(world())),
  )

  it.effect("is documented: every route with what its callers need, the token, and its problems", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { json } = yield* ask(engineer, { path: "/_gateway/openapi.json" })
      // As OpenAPI has it.
      const paths = json["paths"] as Record<string, Record<string, Record<string, unknown>>>
      const operations = Object.values(paths).flatMap((path) => Object.values(path))
      const endpoints = Object.values(adminApi.groups).flatMap((group) => Object.values(group.endpoints))
      assert.lengthOf(operations, endpoints.length)
      for (const operation of operations) {
        assert.match(
          String(operation["x-gateway-permission"]),
          /^((approvals|breakers|flags|policy|rollout)\.\w+|rollback)$/,
        )
        assert.deepStrictEqual(operation["security"], [{ bearer: [] }])
        assert.containsAllKeys(operation["responses"], ["200", "400", "401", "403", "503"])
      }
    }).pipe(Effect.provide(world())),
  )

  it.effect("gives no answer that may be kept", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      for (let i = 0; i < 2; i++) {
        const { headers } = yield* ask(engineer, { path: "/_gateway/breakers" })
        assert.strictEqual(headers["cache-control"], "no-store")
      }
    }).pipe(Effect.provide(world())),
  )
})
