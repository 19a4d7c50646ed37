import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import * as ApprovalsInPostgres from "../../layers/postgres/Approvals.ts"
import * as Database from "../../layers/postgres/Database.ts"
import { type ApprovalRequest, Approvals } from "../../src/policy/Approvals.ts"
import { Recorded } from "../rollback/World.ts"
import { Admin, admin, correlationId, engineer, governor, others, staff, world } from "./AdminUnderTest.ts"

const anotherGovernor = staff("governor-2", ["admin"], Option.some("governor-agent-2"))

/** Somebody asks for an act, and has an hour. */
const asked = Effect.fnUntraced(function* (changes: Partial<ApprovalRequest> = {}) {
  const now = yield* Clock.currentTimeMillis
  return yield* Approvals.use(({ open }) =>
    open({
      action: "agent.delete",
      customerId: "customer-1",
      resource: `/api/v1/agents/${randomUUID()}`,
      method: "DELETE",
      agentId: Option.some("agent-7"),
      requestedBy: "user-1",
      correlationId: "correlation-of-the-refusal",
      expiresAt: now + 3_600_000,
      ...changes,
    }),
  )
})

const decide = (caller = governor, id: string, verdict: "approve" | "deny" = "approve") =>
  Admin.use(({ ask }) =>
    ask(caller, {
      method: "POST",
      path: `/_gateway/approvals/${id}/${verdict}`,
      body: { reason: "Talked to the customer." },
    }),
  )

/** The last event of a name that was put on record. */
const recorded = (name: string) =>
  Effect.map(Recorded, (events) => events.findLast((event) => event.name === name))

/** Once its PostgreSQL has started, which takes seconds. */
const started = Layer.effectDiscard(
  Approvals.use(({ list }) => list({ status: Option.none(), limit: 1 })),
).pipe(Layer.provideMerge(world()))

layer(started, { timeout: "2 minutes" })("The admin API's approvals", (it) => {
  it.effect("lists the newest first, as many as asked for, all or those of one status", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const wishes: Array<string> = []
      for (let i = 0; i < 4; i++) {
        yield* TestClock.adjust("1 second")
        wishes.unshift((yield* asked()).id)
      }
      const [, second, third] = wishes
      yield* decide(governor, String(second), "deny")
      const list = (query: string) =>
        Effect.map(ask(admin, { path: `/_gateway/approvals${query}` }), ({ json }) =>
          // As the schema of the answer has it.
          (json["approvals"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id),
        )
      assert.deepStrictEqual((yield* list("")).slice(0, 4), wishes)
      assert.deepStrictEqual((yield* list("?limit=3")).slice(1), [second, third])
      assert.deepStrictEqual(yield* list("?status=denied&limit=1"), [second])
      assert.notInclude(yield* list("?status=pending"), second)
    }),
  )

  it.effect("shows one as SPEC 5 keeps it, with times as ISO 8601", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { id, resource, requestedAt, expiresAt } = yield* asked()
      const { status, json } = yield* ask(admin, { path: `/_gateway/approvals/${id}` })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(json, {
        id,
        status: "pending",
        expired: false,
        action: "agent.delete",
        customer_id: "customer-1",
        resource,
        method: "DELETE",
        agent_id: "agent-7",
        requested_by: "user-1",
        requested_at: new Date(requestedAt).toISOString(),
        expires_at: new Date(expiresAt).toISOString(),
        correlation_id: "correlation-of-the-refusal",
        decided_by: null,
        decided_at: null,
        decision_reason: null,
        consumed_at: null,
      })
    }),
  )

  it.effect.each([
    ["approve", "approved"],
    ["deny", "denied"],
  ] as const)("lets a Governor %s one, once, and puts on record who and why", ([verdict, status]) =>
    Effect.gen(function* () {
      const { id, resource } = yield* asked()
      const { json } = yield* decide(governor, id, verdict)
      assert.deepInclude(json, {
        id,
        status,
        decided_by: "governor-1",
        decided_at: new Date(yield* Clock.currentTimeMillis).toISOString(),
        decision_reason: "Talked to the customer.",
      })
      assert.deepStrictEqual(yield* recorded(`approval_${status}`), {
        kind: "security",
        name: `approval_${status}`,
        severity: "INFO",
        correlationId: Option.some(correlationId),
        userId: Option.some("governor-1"),
        customerId: Option.some("customer-1"),
        details: {
          approval_id: id,
          action: "agent.delete",
          resource,
          requested_by: "user-1",
          reason: "Talked to the customer.",
          governor_agent_id: "governor-agent-1",
        },
      })
      const events = (yield* Recorded).length
      for (const again of ["approve", "deny"] as const) {
        const { slug, detail } = yield* Effect.flip(decide(governor, id, again))
        assert.strictEqual(slug, "conflict")
        assert.match(detail, /decided already/)
      }
      assert.lengthOf(yield* Recorded, events)
    }),
  )

  it.effect("takes each decision as that of who made it, not of who asked first", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* asked(), yield* asked()]
      assert.strictEqual((yield* decide(governor, one.id)).json["decided_by"], "governor-1")
      assert.strictEqual((yield* decide(anotherGovernor, two.id)).json["decided_by"], "governor-2")
    }),
  )

  it.effect("lets nobody decide what they asked for themselves, and puts the attempt on record", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { id } = yield* asked({ requestedBy: "governor-1" })
      const { slug, detail } = yield* Effect.flip(decide(governor, id))
      assert.strictEqual(slug, "permission-denied")
      assert.match(detail, /another Governor/)
      assert.deepInclude((yield* recorded("permission_denied"))?.details, {
        permission: "approvals.decide",
        path: `/_gateway/approvals/${id}/approve`,
      })
      assert.strictEqual((yield* ask(admin, { path: `/_gateway/approvals/${id}` })).json["status"], "pending")
      assert.strictEqual((yield* decide(anotherGovernor, id)).json["status"], "approved")
    }),
  )

  it.effect("lets nobody decide but Governors, nobody read but admins", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { id } = yield* asked()
      for (const caller of [admin, engineer, ...others]) {
        for (const verdict of ["approve", "deny"] as const) {
          const { slug, extensions } = yield* Effect.flip(decide(caller, id, verdict))
          assert.strictEqual(slug, "permission-denied", caller.userId)
          assert.deepStrictEqual(extensions, { permission: "approvals.decide", required_roles: ["admin"] })
        }
      }
      for (const caller of [engineer, ...others]) {
        for (const path of ["/_gateway/approvals", `/_gateway/approvals/${id}`]) {
          const { slug, extensions } = yield* Effect.flip(ask(caller, { path }))
          assert.strictEqual(slug, "permission-denied", caller.userId)
          assert.deepStrictEqual(extensions, { permission: "approvals.read", required_roles: ["admin"] })
        }
      }
      const { json } = yield* ask(governor, { path: `/_gateway/approvals/${id}` })
      assert.strictEqual(json["status"], "pending")
    }),
  )

  it.effect("answers 409 for one that has expired, and shows that it has", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const { id } = yield* asked()
      yield* TestClock.adjust("1 hour")
      const { slug, detail } = yield* Effect.flip(decide(governor, id))
      assert.strictEqual(slug, "conflict")
      assert.match(detail, /expired/)
      const { json } = yield* ask(admin, { path: `/_gateway/approvals/${id}` })
      assert.deepInclude(json, { status: "pending", expired: true })
    }),
  )

  it.effect.each([randomUUID(), "no-uuid", "%27%20or%201=1--"])("answers 404 for the unknown id %s", (id) =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      for (const attempt of [ask(governor, { path: `/_gateway/approvals/${id}` }), decide(governor, id)]) {
        assert.strictEqual((yield* Effect.flip(attempt)).slug, "not-found")
      }
    }),
  )
})

/** Where nothing listens. */
const nowhere = ApprovalsInPostgres.layer.pipe(
  Layer.provide(Database.layerUrl(Redacted.make("postgres://gateway@127.0.0.1:1/gateway"), 1)),
)

layer(world({ approvals: nowhere }), { excludeTestServices: true })(
  "While PostgreSQL is away, the admin API",
  (it) => {
    it.effect("answers 503 for approvals, and goes on with what does not need it", () =>
      Effect.gen(function* () {
        const { ask } = yield* Admin
        for (const attempt of [
          ask(governor, { path: "/_gateway/approvals" }),
          decide(governor, randomUUID()),
        ]) {
          const { slug, headers } = yield* Effect.flip(attempt)
          assert.strictEqual(slug, "service-unavailable")
          assert.deepStrictEqual(headers, { "retry-after": "1" })
        }
        assert.strictEqual((yield* ask(governor, { path: "/_gateway/breakers" })).status, 200)
      }),
    )
  },
)
