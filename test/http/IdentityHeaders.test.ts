import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"

const identityNames = [
  "x-user-id",
  "x-user-roles",
  "x-customer-id",
  "x-trial-mode",
  "x-target-backend",
  "x-original-authorization",
]

/** What the last request said about its caller, by lower-case name; and how often each name was there. */
const said = (upstream: GatewayUnderTest["plant"]) => {
  const headers = upstream.requests.at(-1)?.rawHeaders ?? []
  const pairs = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  return {
    identity: Object.fromEntries(pairs.filter(([name]) => identityNames.includes(name))),
    once: identityNames.every((wanted) => pairs.filter(([name]) => name === wanted).length <= 1),
    value: (wanted: string) => pairs.find(([name]) => name === wanted)?.[1],
  }
}

it.live("Plant is told who a customer is", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const token = yield* gateway.token("CP", {
      userId: "u-7",
      customerId: "c-7",
      roles: ["customer_admin", "governor"],
    })
    const authorization = `Bearer ${token}`
    yield* gateway.send({ path: "/cp/api/v1/agents", headers: { authorization } })
    const { identity, once, value } = said(gateway.plant)
    assert.deepStrictEqual(identity, {
      "x-user-id": "u-7",
      "x-user-roles": "customer_admin,governor",
      "x-customer-id": "c-7",
      "x-trial-mode": "false",
      "x-target-backend": "production",
      "x-original-authorization": authorization,
    })
    assert.isTrue(once)
    assert.strictEqual(value("x-gateway-type"), "CP")
    assert.strictEqual(value("authorization"), authorization)
  }),
)

it.live("the sandbox, and never Plant, is told who a trial customer is", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const authorization = `Bearer ${yield* gateway.token("CP", { trial: true })}`
    yield* gateway.send({ path: "/cp/api/v1/agents", headers: { authorization } })
    const { identity } = said(gateway.sandbox)
    assert.strictEqual(identity["x-trial-mode"], "true")
    assert.strictEqual(identity["x-target-backend"], "sandbox")
    assert.strictEqual(gateway.reached(), 1)
  }),
)

it.live("Plant is told who a member of staff is, who has no customer", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const authorization = `Bearer ${yield* gateway.token("PP", { userId: "s-1", roles: ["viewer"] })}`
    yield* gateway.send({ path: "/pp/api/v1/agents", headers: { authorization, "x-customer-id": "c-7" } })
    const { identity, value } = said(gateway.plant)
    assert.deepStrictEqual(identity, {
      "x-user-id": "s-1",
      "x-user-roles": "viewer",
      "x-trial-mode": "false",
      "x-target-backend": "production",
      "x-original-authorization": authorization,
    })
    assert.strictEqual(value("x-gateway-type"), "PP")
  }),
)

it.live.each([
  ["on a public route", "/cp/api/auth/google/login", {}],
  ["with auth off", "/cp/api/v1/agents", { ENABLE_AUTH_MIDDLEWARE: "false" }],
] as const)("no identity is claimed %s, whatever token comes along", ([, path, env]) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env })
    const authorization = `Bearer ${yield* gateway.token("CP")}`
    const answer = yield* gateway.send({ path, headers: { authorization } })
    assert.strictEqual(answer.status, 200)
    assert.deepStrictEqual(said(gateway.plant).identity, {})
  }),
)
