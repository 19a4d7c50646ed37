import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { isDeepStrictEqual } from "node:util"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import {
  areSame,
  circumstancesOf,
  decisionKey,
  isRememberable,
  placeOf,
  sharedName,
} from "../../src/policy/DecisionKey.ts"
import { approval, customer, sensitive, trial } from "./Requests.ts"

type Remembered = Exclude<keyof DecisionRequest, "now" | "action" | "approval">

/** One change of each field; a field that is new to the requests has to be named here. */
const changes: Readonly<Record<Remembered, ReadonlyArray<Partial<DecisionRequest>>>> = {
  portal: [{ portal: "PP" }],
  subject: [{ subject: "user-2" }],
  customer_id: [{ customer_id: "customer-2" }, { customer_id: null }],
  roles: [{ roles: ["customer", "customer_admin"] }, { roles: ["customer_admin"] }, { roles: [] }],
  is_governor: [{ is_governor: true }],
  trial: [
    { trial: { mode: true, expires_at: null } },
    { trial: { mode: false, expires_at: 1 } },
    { trial: { mode: true, expires_at: 1 } },
  ],
  method: [{ method: "GET" }, { method: "DELETE" }, { method: "HEAD" }],
  route: [{ route: "/api/v1/agents/{id}" }],
  resource: [{ resource: "/api/v1/agents/agent-2/execute" }],
  permission: [{ permission: "agent.execute" }],
  closed_to_trials: [{ closed_to_trials: true }],
  agent_id: [{ agent_id: "agent-2" }, { agent_id: null }],
}
const changed = Object.entries(changes).flatMap(([field, some]) =>
  some.map((change) => [`${field} (${JSON.stringify(change)})`, { ...customer, ...change }] as const),
)

const fields = Object.keys(changes)

/** Which text is written next to which, where a key is written in a row. */
const neighbours = {
  subject: "resource",
  method: "subject",
  resource: "agent_id",
  route: "resource",
} as const

/** Whether this process takes the second for the first. */
const isFound = (one: DecisionRequest, other: DecisionRequest): boolean =>
  placeOf(one) === placeOf(other) && areSame(circumstancesOf(one), other)

describe("two requests have different keys when they differ in", () => {
  it.each(changed)("%s", (_, request) => {
    assert.notStrictEqual(decisionKey("r1", request), decisionKey("r1", customer))
    assert.isFalse(isFound(customer, request))
    assert.isFalse(isFound(request, customer))
  })

  it("the revision of the policy", () => {
    const keys = [undefined, "r1", "r2", "null", ""].map((revision) => decisionKey(revision, customer))
    assert.strictEqual(new Set(keys).size, keys.length)
  })
})

describe("two requests have the same key when they differ in", () => {
  it.each([
    ["time", { ...trial, now: trial.now + 1 }, trial],
    [
      "the order in which the roles are listed",
      { ...customer, roles: ["customer", "customer_admin", "governor"] },
      { ...customer, roles: ["governor", "customer", "customer_admin"] },
    ],
    ["nothing but identity", structuredClone(customer), customer],
  ])("%s alone", (_, one, other) => {
    assert.strictEqual(decisionKey("r1", one), decisionKey("r1", other))
    assert.isTrue(isFound(one, other))
  })
})

/** Texts that look like each other's ends, numbers, quotes and signs. */
const pieces = [...'ab12 +,:;"\\[]\0\n', "null", "\ud800", "\udc00", "\\ud800"]
const hostile = Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength: 4 }).pipe(
  Arbitrary.map((parts) => parts.join("")),
)
const oneOf = <const A>(...values: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: values.length - 1 }))).pipe(
    // An index of theirs, so there is one.
    Arbitrary.map((index) => values[index] as A),
  )
const orNull = <A>(value: Arbitrary.Arbitrary<A>) =>
  Arbitrary.all([value, oneOf(true, true, false)]).pipe(
    Arbitrary.map(([some, isSome]) => (isSome ? some : null)),
  )

const anyRequest: Arbitrary.Arbitrary<DecisionRequest> = Arbitrary.all({
  portal: oneOf("CP", "PP"),
  subject: hostile,
  customer_id: orNull(hostile),
  roles: Arbitrary.array(hostile, { maxLength: 3 }),
  is_governor: oneOf(true, false),
  trial: Arbitrary.all({ mode: oneOf(true, false), expires_at: oneOf(null, -1, 0, 1, 12, 1e21) }),
  method: hostile,
  route: hostile,
  resource: hostile,
  permission: orNull(hostile),
  action: oneOf(null),
  closed_to_trials: oneOf(true, false),
  agent_id: orNull(hostile),
  now: oneOf(0, 1),
  approval: oneOf(null),
})

/** What a request means to a policy, time aside. */
const meaningOf = (request: DecisionRequest) => ({
  ...request,
  now: 0,
  roles: request.roles.toSorted(),
})

const agree = (one: DecisionRequest, other: DecisionRequest): void => {
  const isSame = isDeepStrictEqual(meaningOf(one), meaningOf(other))
  const [key, otherKey] = [decisionKey("r", one), decisionKey("r", other)]
  assert.strictEqual(key === otherKey, isSame)
  assert.strictEqual(sharedName(key) === sharedName(otherKey), isSame)
  assert.strictEqual(isFound(one, other), isSame)
}

const runs = { arbitrary: { runs: 3000 } }

describe("whatever the fields hold, two requests have the same key exactly when they mean the same", () => {
  it.prop(
    "when they differ in some fields",
    [anyRequest, anyRequest, Arbitrary.array(oneOf(...fields), { maxLength: 3 })],
    ([one, other, differing]) => {
      const some = Object.entries(other).filter(([field]) => differing.some((each) => each === field))
      // A whole request, for the fields of another are laid over it.
      agree(one, { ...one, ...Object.fromEntries(some) })
    },
    runs,
  )

  it.prop(
    "when their texts read the same in a row",
    [anyRequest, oneOf(0, 1, 2, 3), oneOf("subject", "method", "resource", "route")],
    ([one, by, from]) => {
      const into = neighbours[from]
      const kept = one[from].slice(0, one[from].length - by)
      const moved = one[from].slice(one[from].length - by)
      agree(one, { ...one, [from]: kept, [into]: moved + (one[into] ?? "") })
    },
    runs,
  )

  it.prop(
    "when one lists a role that the other has in pieces",
    [anyRequest, hostile, hostile],
    ([request, a, b]) => {
      agree({ ...request, roles: [a, b] }, { ...request, roles: [a + b] })
      agree({ ...request, roles: [a, b] }, { ...request, roles: [`${a},${b}`] })
      agree({ ...request, roles: [a, a, b] }, { ...request, roles: [a, b, b] })
      agree({ ...request, roles: [a] }, { ...request, roles: [JSON.stringify([a])] })
    },
    runs,
  )
})

it("a method that ends like a length is no other method", () => {
  const one = { ...customer, method: "a", subject: "", resource: "0 ", agent_id: "x" }
  const other = { ...customer, method: "a 0", subject: "+x", resource: "", agent_id: null }
  assert.isFalse(isFound(one, other))
  assert.notStrictEqual(decisionKey("r", one), decisionKey("r", other))
})

it("the name that instances share shows nothing of the request", () => {
  const name = sharedName(decisionKey("r1", customer))
  assert.match(name, /^[\w-]{43}$/)
  assert.notInclude(name, "user-1")
})

it("nothing with an action or an approval is rememberable", () => {
  assert.isTrue(isRememberable(customer))
  assert.isFalse(isRememberable(sensitive))
  assert.isFalse(isRememberable({ ...sensitive, approval }))
  assert.isFalse(isRememberable({ ...customer, approval }))
})
