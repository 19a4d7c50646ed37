import { assert, describe, layer } from "@effect/vitest"
import { Clock, Effect, type Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import type { Action } from "../../src/policy/Action.ts"
import { type ApprovalRequest, Approvals } from "../../src/policy/Approvals.ts"

/** A wish of a customer that no other test knows, which expires in an hour. */
const anyWish = Effect.map(Clock.currentTimeMillis, (now): ApprovalRequest => ({
  action: "agent.delete",
  customerId: `customer-${randomUUID()}`,
  resource: "/api/v1/agents/agent-7",
  method: "DELETE",
  agentId: Option.some("agent-7"),
  requestedBy: "user-7",
  correlationId: randomUUID(),
  expiresAt: now + 3_600_000,
}))
const decision = (id: string, approve = true) => ({ id, approve, by: "governor-1", reason: "We talked." })

/** The same wish, approved. */
const approved = Effect.gen(function* () {
  const { decide, open } = yield* Approvals
  const wish = yield* anyWish
  const { id } = yield* open(wish)
  assert.strictEqual(yield* decide(decision(id)), "decided")
  return { ...wish, id }
})

const statusOf = (id: string) =>
  Approvals.use(({ find }) => Effect.map(find(id), (found) => Option.getOrThrow(found).status))

const many = <A, E, R>(times: number, effect: Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: times }, () => effect),
    { concurrency: "unbounded" },
  )

const noIds = ["", "1", "not-an-id", "' OR true --", `{${randomUUID()}}`, "\0", "é", "x".repeat(100_000)]
const hostile = [
  "'; DROP TABLE gateway_approvals; --",
  `"quoted" \\back\\ $1 %s {} \u202e \u{1f512} \t\n`,
  "NULL",
  "",
  "x".repeat(20_000),
]

/** The contract of `Approvals`, which every layer of it passes. The world is built once: a database takes its time. */
export const approvalsContract = <E>(world: Layer.Layer<Approvals, E>): void => {
  layer(world, { timeout: "2 minutes" })("keep their contract", (it) => {
    describe("a wish", () => {
      it.effect("is pending, and found as it was asked", () =>
        Effect.gen(function* () {
          const { find, open } = yield* Approvals
          const wish = yield* anyWish
          const opened = yield* open(wish)
          assert.match(opened.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
          assert.deepStrictEqual(opened, {
            ...wish,
            id: opened.id,
            status: "pending",
            requestedAt: yield* Clock.currentTimeMillis,
            decidedAt: Option.none(),
            decidedBy: Option.none(),
            decisionReason: Option.none(),
            consumedAt: Option.none(),
          })
          assert.deepStrictEqual(yield* find(opened.id), Option.some(opened))
          assert.deepStrictEqual(yield* find(opened.id.toUpperCase()), Option.some(opened))
        }),
      )

      it.effect("that is pending is given back, whatever else is new about it", () =>
        Effect.gen(function* () {
          const { open } = yield* Approvals
          const wish = yield* anyWish
          const first = yield* open(wish)
          yield* TestClock.adjust("10 minutes")
          const expiresAt = wish.expiresAt + 600_000
          assert.deepStrictEqual(yield* open({ ...wish, correlationId: randomUUID(), expiresAt }), first)
        }),
      )

      it.effect("of another person, or for another thing, is another", () =>
        Effect.gen(function* () {
          const { open } = yield* Approvals
          const wish = yield* anyWish
          const others: ReadonlyArray<Partial<ApprovalRequest>> = [
            {},
            { action: "agent.create" },
            { customerId: `${wish.customerId}x` },
            { resource: `${wish.resource}/` },
            { method: "POST" },
            { agentId: Option.none() },
            { agentId: Option.some("agent-8") },
            { requestedBy: "user-8" },
          ]
          const opened = yield* Effect.forEach(others, (other) => open({ ...wish, ...other }))
          assert.strictEqual(new Set(opened.map(({ id }) => id)).size, others.length)
        }),
      )

      it.effect("that many send at once is one", () =>
        Effect.gen(function* () {
          const { open } = yield* Approvals
          const opened = yield* many(50, open(yield* anyWish))
          assert.strictEqual(new Set(opened.map(({ id }) => id)).size, 1)
        }),
      )

      it.effect("that was decided can be wished for anew", () =>
        Effect.gen(function* () {
          const { decide, open } = yield* Approvals
          const wish = yield* anyWish
          const first = yield* open(wish)
          yield* decide(decision(first.id, false))
          const second = yield* open(wish)
          assert.notStrictEqual(second.id, first.id)
          assert.strictEqual(second.status, "pending")
          assert.strictEqual(yield* statusOf(first.id), "denied")
        }),
      )

      it.effect("that expired is wished for anew, once by many, and the old one stays as it was", () =>
        Effect.gen(function* () {
          const { find, open } = yield* Approvals
          const wish = yield* anyWish
          const first = yield* open(wish)
          yield* TestClock.adjust("1 hour")
          const opened = yield* many(50, open({ ...wish, expiresAt: wish.expiresAt + 3_600_000 }))
          assert.strictEqual(new Set(opened.map(({ id }) => id)).size, 1)
          assert.notStrictEqual(opened[0]?.id, first.id)
          assert.deepStrictEqual(yield* find(first.id), Option.some(first))
        }),
      )

      it.effect("keeps every character", () =>
        Effect.gen(function* () {
          const { consume, decide, find, open } = yield* Approvals
          for (const text of hostile) {
            const wish: ApprovalRequest = {
              ...(yield* anyWish),
              resource: text,
              method: text,
              agentId: Option.some(text),
              requestedBy: text,
              correlationId: text,
            }
            const opened = yield* open(wish)
            assert.deepInclude(opened, wish)
            yield* decide({ id: opened.id, approve: true, by: text, reason: text })
            const decided = Option.getOrThrow(yield* find(opened.id))
            assert.deepStrictEqual(
              [decided.decidedBy, decided.decisionReason],
              [Option.some(text), Option.some(text)],
            )
            assert.isTrue(yield* consume({ ...wish, id: opened.id }))
          }
        }),
      )
    })

    describe("an id that is none", () => {
      it.effect("finds, decides and passes nothing, and is no failure", () =>
        Effect.gen(function* () {
          const { consume, decide, find } = yield* Approvals
          const wish = yield* anyWish
          for (const id of [randomUUID(), ...noIds]) {
            assert.deepStrictEqual(yield* find(id), Option.none())
            assert.strictEqual(yield* decide(decision(id)), "not-found")
            assert.isFalse(yield* consume({ ...wish, id }))
          }
        }),
      )
    })

    describe("a decision", () => {
      it.effect.each([
        [true, "approved"],
        [false, "denied"],
      ] as const)("(approve: %s) is kept with who, when and why", ([approve, status]) =>
        Effect.gen(function* () {
          const { decide, find, open } = yield* Approvals
          const opened = yield* open(yield* anyWish)
          yield* TestClock.adjust("5 minutes")
          assert.strictEqual(yield* decide(decision(opened.id, approve)), "decided")
          assert.deepStrictEqual(
            yield* find(opened.id),
            Option.some({
              ...opened,
              status,
              decidedAt: Option.some(yield* Clock.currentTimeMillis),
              decidedBy: Option.some("governor-1"),
              decisionReason: Option.some("We talked."),
            }),
          )
        }),
      )

      it.effect("is not changed by another, before or after it was used", () =>
        Effect.gen(function* () {
          const { consume, decide, find } = yield* Approvals
          const approval = yield* approved
          const before = yield* find(approval.id)
          assert.strictEqual(
            yield* decide({ ...decision(approval.id, false), by: "governor-2" }),
            "already-decided",
          )
          assert.deepStrictEqual(yield* find(approval.id), before)
          yield* consume(approval)
          assert.strictEqual(yield* decide(decision(approval.id)), "already-decided")
          assert.strictEqual(yield* statusOf(approval.id), "consumed")
        }),
      )

      it.effect("of two who decide at once is that of one, and the other hears it", () =>
        Effect.gen(function* () {
          const { decide, find, open } = yield* Approvals
          for (let round = 0; round < 10; round++) {
            const { id } = yield* open(yield* anyWish)
            const outcomes = yield* Effect.all(
              [true, false].map((approve) => decide({ ...decision(id, approve), by: String(approve) })),
              { concurrency: "unbounded" },
            )
            assert.sameMembers(outcomes, ["decided", "already-decided"])
            const winner = outcomes[0] === "decided"
            const decided = Option.getOrThrow(yield* find(id))
            assert.strictEqual(decided.status, winner ? "approved" : "denied")
            assert.deepStrictEqual(decided.decidedBy, Option.some(String(winner)))
          }
        }),
      )

      it.effect("comes too late from the moment on that the approval expires", () =>
        Effect.gen(function* () {
          const { decide, open } = yield* Approvals
          const [first, second] = [yield* open(yield* anyWish), yield* open(yield* anyWish)]
          yield* TestClock.adjust(3_599_999)
          assert.strictEqual(yield* decide(decision(first.id)), "decided")
          yield* TestClock.adjust(1)
          assert.strictEqual(yield* decide(decision(second.id)), "expired")
          assert.strictEqual(yield* statusOf(second.id), "pending")
          assert.strictEqual(yield* decide(decision(first.id)), "already-decided")
        }),
      )

      it.effect("is made whatever characters a reason has", () =>
        Effect.gen(function* () {
          const { decide, open } = yield* Approvals
          const { id } = yield* open(yield* anyWish)
          assert.strictEqual(yield* decide({ ...decision(id), reason: "NUL \0 and \ud800 alone" }), "decided")
        }),
      )
    })

    describe("an approval", () => {
      it.effect("is used once", () =>
        Effect.gen(function* () {
          const { consume, find } = yield* Approvals
          const approval = yield* approved
          yield* TestClock.adjust("5 minutes")
          assert.isTrue(yield* consume(approval))
          assert.isFalse(yield* consume(approval))
          const used = Option.getOrThrow(yield* find(approval.id))
          assert.strictEqual(used.status, "consumed")
          assert.deepStrictEqual(used.consumedAt, Option.some(yield* Clock.currentTimeMillis))
        }),
      )

      it.effect("is used once by many at once", () =>
        Effect.gen(function* () {
          const { consume } = yield* Approvals
          const uses = yield* many(50, consume(yield* approved))
          assert.lengthOf(
            uses.filter((used) => used),
            1,
          )
        }),
      )

      it.effect("that is pending, denied or expired is never used", () =>
        Effect.gen(function* () {
          const { consume, decide, open } = yield* Approvals
          const wish = yield* anyWish
          const { id } = yield* open(wish)
          assert.isFalse(yield* consume({ ...wish, id }))
          yield* decide(decision(id, false))
          assert.isFalse(yield* consume({ ...wish, id }))

          const [first, second] = [yield* approved, yield* approved]
          yield* TestClock.adjust(3_599_999)
          assert.isTrue(yield* consume(first))
          yield* TestClock.adjust(1)
          assert.isFalse(yield* consume(second))
          assert.strictEqual(yield* statusOf(second.id), "approved")
        }),
      )

      it.effect(
        "is good for its customer, action and resource alone, and is still there after another tried",
        () =>
          Effect.gen(function* () {
            const { consume } = yield* Approvals
            const approval = yield* approved
            const other = yield* approved
            const attempts: ReadonlyArray<{ customerId?: string; action?: Action; resource?: string }> = [
              { customerId: other.customerId },
              { customerId: approval.customerId.toUpperCase() },
              { customerId: `${approval.customerId} ` },
              { customerId: "" },
              { customerId: "%" },
              { action: "agent.create" },
              { resource: "/api/v1/agents/agent-8" },
              { resource: "/api/v1/agents/agent-7/" },
              { resource: "/api/v1/agents/AGENT-7" },
            ]
            for (const attempt of attempts) assert.isFalse(yield* consume({ ...approval, ...attempt }))
            assert.isTrue(yield* consume(approval))
            assert.isTrue(yield* consume(other))
          }),
      )
    })

    describe("the list", () => {
      it.effect("has the newest first, no more than the limit, of all statuses or of one", () =>
        Effect.gen(function* () {
          const { consume, decide, list, open } = yield* Approvals
          const opened = yield* Effect.forEach(["pending", "approved", "denied", "consumed", "pending"], () =>
            Effect.andThen(
              TestClock.adjust(1),
              Effect.flatMap(anyWish, (wish) => Effect.map(open(wish), ({ id }) => ({ ...wish, id }))),
            ),
          )
          const ids = opened.map(({ id }) => id)
          for (const [index, approve] of [undefined, true, false, true].entries())
            if (approve !== undefined) yield* decide(decision(ids[index] ?? "", approve))
          if (opened[3] !== undefined) yield* consume(opened[3])

          const listed = (
            status: Option.Option<"pending" | "approved" | "denied" | "consumed">,
            limit: number,
          ) => Effect.map(list({ status, limit }), (approvals) => approvals.map(({ id }) => id))
          assert.deepStrictEqual(yield* listed(Option.none(), 5), ids.toReversed())
          assert.deepStrictEqual(yield* listed(Option.none(), 2), [ids[4], ids[3]])
          assert.deepStrictEqual(yield* listed(Option.none(), 0), [])
          assert.deepStrictEqual(yield* listed(Option.some("pending"), 2), [ids[4], ids[0]])
          assert.deepStrictEqual(yield* listed(Option.some("approved"), 1), [ids[1]])
          assert.deepStrictEqual(yield* listed(Option.some("denied"), 1), [ids[2]])
          assert.deepStrictEqual(yield* listed(Option.some("consumed"), 1), [ids[3]])
        }),
      )
    })
  })
}
