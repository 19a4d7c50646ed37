import { assert, describe, it, layer } from "@effect/vitest"
import { Clock, type Context, Effect, Exit, Layer, Option, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import * as ApprovalsInPostgres from "../../layers/postgres/Approvals.ts"
import * as Database from "../../layers/postgres/Database.ts"
import type { AuditEvent } from "../../src/audit/AuditLog.ts"
import type { Identity } from "../../src/auth/ConstitutionalContext.ts"
import { Exchange } from "../../src/http/Exchange.ts"
import type { App } from "../../src/http/Stage.ts"
import { Approvals, ApprovalsUnavailable } from "../../src/policy/Approvals.ts"
import { PolicyStage } from "../../src/policy/PolicyStage.ts"
import { type AllowedVerdict, Ruling } from "../../src/policy/Ruling.ts"
import { TrialTasks } from "../../src/policy/TrialTasks.ts"
import { customer, staff } from "../auth/Identities.ts"
import { answers, type Asked, policyFrom, type Setup, stages, through } from "./StagesUnderTest.ts"

/** A customer that no other test knows. */
const anyCustomer = (changes: Partial<Identity> = {}) =>
  customer({
    userId: `user-${randomUUID()}`,
    customerId: Option.some(`customer-${randomUUID()}`),
    ...changes,
  })
const trial = (expiresAt: number) => ({ trial: true, trialExpiresAt: Option.some(expiresAt) })

const asked = (request: Asked, app: App<Exchange> = answers(200)) =>
  Effect.map(PolicyStage, (stage) => through(stage, request, app))
const answerTo = (request: Asked, app?: App<Exchange>) =>
  Effect.flatMap(asked(request, app), ({ answer }) => answer)
const refusalOf = (request: Asked, app?: App<Exchange>) => Effect.flip(answerTo(request, app))

/** A sensitive act; with the approval that it brings along. */
const deletes = (identity: Identity, approval?: string, path = "/api/v1/agents/agent-7"): Asked => ({
  identity,
  method: "DELETE",
  path,
  headers: approval === undefined ? {} : { "x-approval-id": [approval] },
})

const requestIdOf = (request: Asked) =>
  Effect.map(refusalOf(request), ({ extensions }) => String(extensions?.["request_id"]))

const decided = (id: string, approve: boolean) =>
  Approvals.use(({ decide }) => decide({ id, approve, by: "governor-1", reason: "Because." }))

const statusOf = (id: string) =>
  Effect.map(
    Approvals.use(({ find }) => find(id)),
    Option.map(({ status }) => status),
  )

const events: Array<AuditEvent> = []
const eventsOf = ({ customerId }: Identity) =>
  events.filter((event) => Option.getOrNull(event.customerId) === Option.getOrNull(customerId))

/** One that is a task, too. */
const external = (identity: Identity, approval?: string): Asked => ({
  ...deletes(identity, approval, "/api/v1/agents/agent-7/execute-external"),
  method: "POST",
})

/** The refusal while approvals are away. */
const isAway = Effect.fnUntraced(function* (request: Asked) {
  const problem = yield* refusalOf(request, Effect.die("reached"))
  assert.strictEqual(problem.slug, "service-unavailable")
  assert.strictEqual(problem.headers?.["retry-after"], "1")
})

const withApprovals = Layer.effectDiscard(
  // The database starts with the first question, and a busy machine takes long for it.
  Approvals.use(({ list }) => Effect.retry(list({ status: Option.none(), limit: 1 }), { times: 2 })),
).pipe(
  Layer.provideMerge(stages({ events, env: { APPROVAL_UI_URL: "https://pp.example/approvals?tab=open" } })),
)

/** The stage over the same ports but for one. */
const stageWith = <I, S>(port: Context.Key<I, S>, service: S) =>
  Effect.provideService(Layer.build(Layer.fresh(PolicyStage.layer)), port, service)

layer(withApprovals, { excludeTestServices: true, timeout: "100 seconds" })(
  "a sensitive act of a customer",
  (test) => {
    test.effect("is refused with what a Governor has to approve, and kept for that", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const before = yield* Clock.currentTimeMillis
        const { answer, exchange } = yield* asked(deletes(identity), Effect.die("reached"))
        const problem = yield* Effect.flip(answer)
        const id = String(problem.extensions?.["request_id"])
        assert.strictEqual(problem.slug, "approval-required")
        assert.strictEqual(problem.status, 403)
        assert.deepStrictEqual(problem.extensions, {
          action: "agent.delete",
          request_id: id,
          approval_url: `https://pp.example/approvals?tab=open&request_id=${id}&action=agent.delete`,
          reasons: ["approval-required"],
        })
        assert.deepStrictEqual(problem.headers, {
          "x-governor-approval-required": "true",
          "x-governor-action": "agent.delete",
          "x-governor-agent-id": "agent-7",
        })
        assert.isTrue(Option.isNone(Ruling.in(exchange)))

        const { find } = yield* Approvals
        const record = Option.getOrThrow(yield* find(id))
        assert.strictEqual(record.status, "pending")
        assert.strictEqual(record.action, "agent.delete")
        assert.deepStrictEqual(Option.some(record.customerId), identity.customerId)
        assert.strictEqual(record.resource, "/api/v1/agents/agent-7")
        assert.strictEqual(record.method, "DELETE")
        assert.strictEqual(record.requestedBy, identity.userId)
        assert.strictEqual(record.correlationId, "correlation-1")
        assert.deepStrictEqual(record.agentId, Option.some("agent-7"))
        assert.isAtLeast(record.expiresAt, before + 86_400_000)

        const [event, ...more] = eventsOf(identity)
        assert.lengthOf(more, 0)
        assert.strictEqual(event?.kind, "security")
        assert.strictEqual(event?.name, "policy_denied")
        assert.strictEqual(event?.severity, "INFO")
        assert.deepStrictEqual(event?.details["reasons"], ["approval-required"])
        assert.strictEqual(event?.details["request_id"], id)
      }),
    )

    test.effect("passes a Governor without an approval", () =>
      Effect.gen(function* () {
        const identity = anyCustomer({ roles: ["governor"], isGovernor: true })
        assert.strictEqual((yield* answerTo(deletes(identity))).status, 200)
      }),
    )

    test.effect("passes once with the approval, and is then told that it is consumed", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        assert.strictEqual((yield* answerTo(deletes(identity, id))).status, 200)
        assert.deepStrictEqual(yield* statusOf(id), Option.some("consumed"))

        const again = yield* refusalOf(deletes(identity, id), Effect.die("reached"))
        assert.include(again.detail, "The approval that was sent is consumed.")
        assert.notStrictEqual(again.extensions?.["request_id"], id)
        assert.deepStrictEqual(
          yield* statusOf(String(again.extensions?.["request_id"])),
          Option.some("pending"),
        )
      }),
    )

    test.effect("passes once also when many come with one approval at once", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        const exits = yield* Effect.all(
          Array.from({ length: 10 }, () => Effect.exit(answerTo(deletes(identity, id)))),
          { concurrency: "unbounded" },
        )
        assert.lengthOf(exits.filter(Exit.isSuccess), 1)
      }),
    )

    test.effect("does not get its approval back when the backend refuses", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        assert.strictEqual((yield* answerTo(deletes(identity, id), answers(503))).status, 503)
        assert.deepStrictEqual(yield* statusOf(id), Option.some("consumed"))
      }),
    )

    test.effect("does not pass with an approval that does not count, and hears why", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const pending = yield* requestIdOf(deletes(identity))
        const denied = yield* requestIdOf(deletes(identity, undefined, "/api/v1/agents/agent-8"))
        yield* decided(denied, false)
        const others = yield* requestIdOf(deletes(anyCustomer()))
        yield* decided(others, true)
        const { open } = yield* Approvals
        const now = yield* Clock.currentTimeMillis
        const short = yield* open({
          action: "agent.delete",
          customerId: Option.getOrThrow(identity.customerId),
          resource: "/api/v1/agents/agent-9",
          method: "DELETE",
          agentId: Option.none(),
          requestedBy: identity.userId,
          correlationId: "correlation-1",
          expiresAt: now + 60_000,
        })
        yield* decided(short.id, true)

        for (const [request, reason] of [
          [deletes(identity), "A Governor has to approve this act first."],
          [deletes(identity, pending), "The approval that was sent is pending."],
          [deletes(identity, denied, "/api/v1/agents/agent-8"), "The approval that was sent is denied."],
          [deletes(identity, short.id), "The approval that was sent is not for this act."],
          [deletes(identity, others), "The approval that was sent is not for this act."],
          [deletes(identity, randomUUID()), "The approval that was sent is not for this act."],
          [deletes(identity, "no-uuid"), "The approval that was sent is not for this act."],
          [deletes(identity, ""), "The approval that was sent is not for this act."],
        ] as const) {
          const problem = yield* refusalOf(request, Effect.die("reached"))
          assert.strictEqual(problem.slug, "approval-required")
          assert.include(problem.detail, reason)
        }
        assert.deepStrictEqual(yield* statusOf(others), Option.some("approved"))
        assert.deepStrictEqual(yield* statusOf(short.id), Option.some("approved"))
      }),
    )

    test.effect("does not pass with an approval that has expired", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        const clock = yield* Clock.Clock
        const tomorrow = {
          ...clock,
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + 86_400_000,
        }
        const later = yield* stageWith(Clock.Clock, tomorrow)
        const problem = yield* refusalOf(deletes(identity, id), Effect.die("reached")).pipe(
          Effect.provideContext(later),
        )
        assert.include(problem.detail, "The approval that was sent has expired.")
      }),
    )

    test.effect("is asked for once however often it is tried", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        assert.strictEqual(yield* requestIdOf(deletes(identity)), id)
        assert.strictEqual(yield* requestIdOf(deletes(identity, id)), id)
      }),
    )

    test.effect("may name one approval only", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        const problem = yield* refusalOf({
          ...deletes(identity, id),
          headers: { "x-approval-id": [id, id] },
        })
        assert.strictEqual(problem.slug, "bad-request")
        assert.deepStrictEqual(yield* statusOf(id), Option.some("approved"))
      }),
    )

    test.effect("of an ended trial is refused for that, and nobody is asked to approve it", () =>
      Effect.gen(function* () {
        const identity = anyCustomer(trial((yield* Clock.currentTimeMillis) - 1))
        const problem = yield* refusalOf(deletes(identity))
        assert.strictEqual(problem.slug, "trial-expired")
        assert.deepStrictEqual(problem.extensions?.["reasons"], ["trial-expired", "approval-required"])
        assert.isUndefined(problem.headers?.["x-governor-action"])
        const { list } = yield* Approvals
        const recorded = yield* list({ status: Option.none(), limit: 1000 })
        assert.isFalse(recorded.some(({ requestedBy }) => requestedBy === identity.userId))
      }),
    )

    test.effect("that is a task keeps its approval when the trial's tasks are used up", () =>
      Effect.gen(function* () {
        const identity = anyCustomer(trial((yield* Clock.currentTimeMillis) + 86_400_000))
        const id = yield* requestIdOf(external(identity))
        yield* decided(id, true)
        const task = { identity, method: "POST", path: "/api/v1/tasks" }
        for (let i = 0; i < 10; i++) yield* answerTo(task)
        assert.strictEqual((yield* refusalOf(external(identity, id))).slug, "trial-limit-exceeded")
        assert.deepStrictEqual(yield* statusOf(id), Option.some("approved"))
      }),
    )

    test.effect("that is a task is not counted when it is refused for want of an approval", () =>
      Effect.gen(function* () {
        const identity = anyCustomer(trial((yield* Clock.currentTimeMillis) + 86_400_000))
        for (let i = 0; i < 12; i++) {
          assert.strictEqual((yield* refusalOf(external(identity))).slug, "approval-required")
        }
        const id = yield* requestIdOf(external(identity))
        yield* decided(id, true)
        assert.strictEqual((yield* answerTo(external(identity, id))).status, 200)
      }),
    )

    test.effect("that is a task is given back when another has used up the approval meanwhile", () =>
      Effect.gen(function* () {
        const identity = anyCustomer(trial((yield* Clock.currentTimeMillis) + 86_400_000))
        const customerId = Option.getOrThrow(identity.customerId)
        const id = yield* requestIdOf(external(identity))
        yield* decided(id, true)
        const { consume } = yield* Approvals
        const { take, giveBack } = yield* TrialTasks
        const resource = "/api/v1/agents/agent-7/execute-external"
        const byAnother = Effect.orDie(consume({ id, customerId, action: "execution.external", resource }))
        const overtaken = yield* stageWith(TrialTasks, {
          take: (...task) => Effect.andThen(byAnother, take(...task)),
          giveBack,
        })
        const problem = yield* refusalOf(external(identity, id), Effect.die("reached")).pipe(
          Effect.provideContext(overtaken),
        )
        assert.strictEqual(problem.slug, "approval-required")
        assert.include(problem.detail, "was used already, or has expired.")
        assert.deepStrictEqual(problem.extensions?.["reasons"], ["approval-required"])
        const today = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
        assert.strictEqual((yield* take(customerId, today, 10)).count, 1)
      }),
    )

    test.effect("does not pass when approvals go away at the moment when one has to be used up", () =>
      Effect.gen(function* () {
        const identity = anyCustomer()
        const id = yield* requestIdOf(deletes(identity))
        yield* decided(id, true)
        const approvals = yield* Approvals
        const away = new ApprovalsUnavailable({ cause: "The connection broke." })
        const stage = yield* stageWith(Approvals, { ...approvals, consume: () => Effect.fail(away) })
        yield* isAway(deletes(identity, id)).pipe(Effect.provideContext(stage))
        assert.deepStrictEqual(yield* statusOf(id), Option.some("approved"))
      }),
    )
  },
)

const over = (setup?: Setup) => Effect.provide(stages(setup))

describe("while approvals are away", () => {
  const away = ApprovalsInPostgres.layer.pipe(
    Layer.provide(Database.layerUrl(Redacted.make("postgres://gateway@127.0.0.1:1/gateway"), 1)),
    Layer.orDie,
  )
  it.live("what needs one is refused with 503, with one or without", () =>
    Effect.gen(function* () {
      yield* isAway(deletes(customer()))
      yield* isAway(deletes(customer(), randomUUID()))
    }).pipe(over({ approvals: away })),
  )

  it.live("a Governor and everything else pass", () =>
    Effect.gen(function* () {
      const governor = customer({ roles: ["governor"], isGovernor: true })
      assert.strictEqual((yield* answerTo(deletes(governor))).status, 200)
      const reading = { ...deletes(customer(), randomUUID()), method: "GET" }
      assert.strictEqual((yield* answerTo(reading)).status, 200)
    }).pipe(over({ approvals: away })),
  )
})

describe("a trial", () => {
  const noon = Date.parse("2026-06-01T12:00:00Z")

  it.live.each([
    ["that has ended", { identity: customer(trial(noon)), path: "/api/v1/agents" }, "trial-expired"],
    [
      "whose end is unknown",
      { identity: customer({ trial: true }), path: "/api/v1/agents" },
      "trial-expired",
    ],
    [
      "on a route that is closed to trials",
      { identity: customer(trial(8.64e15)), path: "/api/v1/invoices/i-1" },
      "permission-denied",
    ],
  ] as const)("%s is refused, and shown where to upgrade", ([, request, slug]) =>
    Effect.gen(function* () {
      const problem = yield* refusalOf(request, Effect.die("reached"))
      assert.strictEqual(problem.slug, slug)
      assert.strictEqual(problem.status, 403)
      assert.strictEqual(problem.extensions?.["upgrade_url"], "https://waooaw.example/up")
    }).pipe(over({ env: { UPGRADE_URL: "https://waooaw.example/up" } })),
  )

  it.live.each([
    [customer(), "production"],
    [customer(trial(8.64e15)), "sandbox"],
  ] as const)("and who pays are ruled to different backends", ([identity, backend]) => {
    const rulings: Array<Option.Option<AllowedVerdict>> = []
    return Effect.gen(function* () {
      yield* answerTo(
        { identity, path: "/api/v1/agents" },
        Exchange.use((exchange) => {
          rulings.push(Ruling.in(exchange))
          return answers(200)
        }),
      )
      const [ruling] = rulings.flatMap(Option.toArray)
      assert.strictEqual(ruling?.decision.obligations.target_backend, backend)
    }).pipe(over())
  })
})

it.live("an answer by a remembered verdict says how old it is", () =>
  Effect.gen(function* () {
    const { answer, exchange } = yield* asked({ identity: customer(), path: "/api/v1/agents" })
    yield* answer
    assert.strictEqual(exchange.answerHeaders.get("x-policy-decision"), "cached; age=90")
  }).pipe(over({ policy: policyFrom({ source: "stale", ageSeconds: 90 }) })),
)

it.live("a request of staff is none of its business", () =>
  Effect.gen(function* () {
    const { answer, exchange } = yield* asked({ identity: staff(), method: "POST", path: "/api/v1/agents" })
    assert.strictEqual((yield* answer).status, 200)
    assert.isTrue(Option.isNone(Ruling.in(exchange)))
  }).pipe(over()),
)

it.live("switched off it refuses nobody, and there is no ruling", () =>
  Effect.gen(function* () {
    const { answer, exchange } = yield* asked(deletes(customer({ trial: true })))
    assert.strictEqual((yield* answer).status, 200)
    assert.isTrue(Option.isNone(Ruling.in(exchange)))
  }).pipe(Effect.provide(PolicyStage.layerOff)),
)
