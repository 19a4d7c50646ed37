import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"

interface Caller {
  readonly gateway: GatewayUnderTest
  readonly token: string
}

/** The sensitive act: creating an agent needs a Governor. */
const createAgent = ({ gateway, token }: Caller, approval?: string, path = "/cp/api/v1/agents") =>
  gateway.send({
    method: path.endsWith("agents") ? "POST" : "DELETE",
    path,
    headers: {
      authorization: `Bearer ${token}`,
      ...(approval === undefined ? {} : { "x-approval-id": approval }),
    },
  })

/** What a Governor does with an approval. */
const decide = Effect.fnUntraced(function* (
  gateway: GatewayUnderTest,
  id: string,
  verdict: "approve" | "deny",
) {
  const token = yield* gateway.token("PP", { userId: "governor-1", governorAgentId: "governor-agent-1" })
  return yield* gateway.send({
    method: "POST",
    path: `/pp/_gateway/approvals/${id}/${verdict}`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ reason: "Discussed with the customer." }),
  })
})

class Running extends Context.Service<Running, GatewayUnderTest>()("test/policy/Running") {}

/** A customer whom no other test knows, at the one gateway that they share: the embedded PostgreSQL starts slowly. */
const start = Effect.gen(function* () {
  const gateway = yield* Running
  const identity = { userId: `user-${randomUUID()}`, customerId: `customer-${randomUUID()}` }
  const token = yield* gateway.token("CP", { ...identity, roles: ["customer_admin"] })
  const before = gateway.reached()
  return { gateway, token, reached: () => gateway.reached() - before }
})

const askedFor = Effect.fnUntraced(function* (caller: Caller, path?: string) {
  const refused = yield* createAgent(caller, undefined, path)
  assert.strictEqual(refused.status, 403)
  assert.strictEqual(refused.headers["x-error-code"], "APPROVAL_REQUIRED")
  return { refused, id: String(refused.json()["request_id"]) }
})

/** Governor approvals over real sockets, kept where `env` says. */
export const governorApproval = (name: string, env: Readonly<Record<string, string>>): void => {
  layer(Layer.effect(Running, startGateway({ env })), { excludeTestServices: true, timeout: "60 seconds" })(
    name,
    (it) => {
      it.effect("a refusal says what to have approved, and where", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { refused, id } = yield* askedFor(caller, "/cp/api/v1/agents/agent-7")
          assert.strictEqual(refused.json()["action"], "agent.delete")
          const url = new URL(String(refused.json()["approval_url"]))
          assert.strictEqual(url.origin + url.pathname, "https://pp.waooaw.com/approvals")
          assert.include([...url.searchParams.values()], id)
          assert.strictEqual(refused.headers["x-governor-approval-required"], "true")
          assert.strictEqual(refused.headers["x-governor-action"], "agent.delete")
          assert.strictEqual(refused.headers["x-governor-agent-id"], "agent-7")
          assert.strictEqual(caller.reached(), 0)
        }),
      )

      it.effect("403, approved, passes once, then 403 again", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller)
          assert.strictEqual((yield* createAgent(caller, id)).status, 403)
          assert.strictEqual((yield* decide(caller.gateway, id, "approve")).status, 200)
          assert.isBelow((yield* createAgent(caller, id)).status, 300)
          assert.strictEqual((yield* createAgent(caller, id)).status, 403)
          assert.strictEqual(caller.reached(), 1)
        }),
      )

      it.effect("of many retries with one approval exactly one passes", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller)
          yield* decide(caller.gateway, id, "approve")
          const answers = yield* Effect.all(
            Array.from({ length: 20 }, () => createAgent(caller, id)),
            { concurrency: "unbounded" },
          )
          assert.lengthOf(
            answers.filter(({ status }) => status < 300),
            1,
          )
          assert.strictEqual(caller.reached(), 1)
        }),
      )

      it.effect("an approval is good for no other customer, action or resource", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller, "/cp/api/v1/agents/agent-7")
          yield* decide(caller.gateway, id, "approve")
          const stranger = yield* caller.gateway.token("CP", { customerId: `customer-${randomUUID()}` })
          for (const answer of [
            yield* createAgent({ ...caller, token: stranger }, id, "/cp/api/v1/agents/agent-7"),
            yield* createAgent(caller, id, "/cp/api/v1/agents/agent-8"),
            yield* createAgent(caller, id, "/cp/api/v1/agents"),
          ]) {
            assert.strictEqual(answer.status, 403)
          }
          assert.strictEqual(caller.reached(), 0)
          assert.isBelow((yield* createAgent(caller, id, "/cp/api/v1/agents/agent-7")).status, 300)
        }),
      )

      it.effect("an approval names what is done, also where the customer in the path is pinned", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller, "/cp/api/v1/customers/somebody-else")
          const { status, json } = yield* decide(caller.gateway, id, "approve")
          assert.strictEqual(status, 200)
          assert.strictEqual(json()["resource"], `/api/v1/customers/${String(json()["customer_id"])}`)
          assert.isBelow((yield* createAgent(caller, id, "/cp/api/v1/customers/somebody-else")).status, 300)
          assert.strictEqual(caller.gateway.plant.requests.at(-1)?.url, json()["resource"])
        }),
      )

      it.effect("denied, unknown and malformed approvals pass nothing", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller)
          yield* decide(caller.gateway, id, "deny")
          for (const approval of [id, randomUUID(), "' or 1=1 --", "x".repeat(5000)]) {
            assert.strictEqual((yield* createAgent(caller, approval)).status, 403)
          }
          assert.strictEqual(caller.reached(), 0)
        }),
      )

      it.effect("a Governor needs no approval, and nobody but a Governor gives one", () =>
        Effect.gen(function* () {
          const caller = yield* start
          const { id } = yield* askedFor(caller)
          const admin = yield* caller.gateway.token("PP", { roles: ["admin"] })
          const { status } = yield* caller.gateway.send({
            method: "POST",
            path: `/pp/_gateway/approvals/${id}/approve`,
            headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
            body: JSON.stringify({ reason: "Because." }),
          })
          assert.strictEqual(status, 403)
          const governor = yield* caller.gateway.token("CP", { roles: ["governor"] })
          assert.isBelow((yield* createAgent({ ...caller, token: governor })).status, 300)
        }),
      )
    },
  )
}
