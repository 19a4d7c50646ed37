import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { identityOf } from "../../src/auth/Claims.ts"
import { Problem } from "../../src/http/Problems.ts"
import { Cp } from "../../src/portals/Cp.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { Pp } from "../../src/portals/Pp.ts"
import { goodClaims, noon } from "./World.ts"

const portals = { CP: Cp, PP: Pp } as const
const rules = { now: noon, maxLifetimeSeconds: 86_400, leewaySeconds: 60 }

/** Claims of a portal; what `changes` sets to undefined is left out, as JSON would. */
const read = (portal: PortalId, changes: Record<string, unknown>) =>
  identityOf(JSON.parse(JSON.stringify({ ...goodClaims[portal], ...changes })), portals[portal], rules)

const accept = (portal: PortalId, changes: Record<string, unknown> = {}) => {
  const identity = read(portal, changes)
  if (identity instanceof Problem) return assert.fail(identity.message)
  return identity
}

/** Values of every type that JSON has, and the one that is not there. */
const everything: ReadonlyArray<unknown> = [
  undefined,
  null,
  true,
  0,
  1.5,
  -1,
  "",
  "x",
  [],
  ["x"],
  {},
  { x: 1 },
]
const except = (...accepted: ReadonlyArray<unknown>) =>
  everything.filter((value) => !accepted.some((ok) => JSON.stringify(ok) === JSON.stringify(value)))

/** Values that would split a header, vanish in one, or not be one. */
const unprintable = [
  "a\r\nX-User-Roles: admin",
  "a\nb",
  "a\u0000b",
  "a\u007fb",
  "zoë",
  "日本",
  " a",
  "a ",
  "\ta",
  "a".repeat(257),
]

/** Every claim, and what it must not be. */
const refused: ReadonlyArray<readonly [claim: string, portal: PortalId, values: ReadonlyArray<unknown>]> = [
  ["user_id", "CP", [...except(), ...unprintable]],
  ["sub", "CP", [...except(), ...unprintable]],
  ["email", "CP", [...except("x"), ...unprintable]],
  [
    "roles",
    "CP",
    [
      ...everything,
      "customer",
      ["customer", "admin"],
      ["Customer"],
      ["customer", 1],
      [["customer"]],
      ["customer,governor"],
      ["customer\n"],
    ],
  ],
  ["roles", "PP", [...everything, "admin", ["customer"], ["governor"], ["constructor"], ["__proto__"]]],
  ["customer_id", "CP", [...except("x"), ...unprintable]],
  ["customer_id", "PP", [...except(undefined, null, "x"), ...unprintable]],
  ["iss", "CP", except("", "x")],
  ["iat", "CP", [...except(), "1773489600", noon + 61, noon - 90_000]],
  ["exp", "CP", [...except(), "1773489600", noon, noon - 1, noon + 86_401]],
  ["nbf", "CP", except(undefined, 0, 1.5, -1)],
  ["aud", "CP", [...except(undefined, "", "x", [], ["x"]), [1]]],
  ["trial_mode", "CP", [...except(undefined, true), "true", "false", 1]],
  [
    "trial_expires_at",
    "CP",
    [
      ...except(undefined),
      noon,
      "tomorrow",
      "14.3.2026",
      "2026-02-30T00:00:00Z",
      "2026-13-01",
      "2026-03-14T25:00:00Z",
      "2026-03-14T12:00:00 Z",
      "2026-03-14T12:00:00+99:00",
      " 2026-03-14",
    ],
  ],
  ["agent_id", "CP", [...except(undefined, "x"), ...unprintable]],
  ["governor_agent_id", "PP", [...except(undefined, "x"), ...unprintable]],
  ["jti", "CP", [...except(undefined, "x"), ...unprintable]],
  ["token_version", "CP", [...except(undefined, 0, -1), "1"]],
  ["token_type", "CP", [...everything.slice(1), "refresh", "Access", "access "]],
]

describe.each(refused)("the claim %s on %s", (claim, portal, values) => {
  it.each(values.map((value) => [JSON.stringify(value) ?? "nothing", value] as const))(
    "is not %s",
    (_, value) => {
      const result = read(portal, { [claim]: value, trial_mode: claim === "trial_mode" ? value : false })
      assert.instanceOf(result, Problem)
      assert.strictEqual(result.slug, "invalid-token")
      assert.match(result.headers?.["www-authenticate"] ?? "", /^Bearer .*error="invalid_token"/)
    },
  )
})

describe("claims that hold together", () => {
  it("are a customer's identity", () => {
    assert.deepStrictEqual(accept("CP", { agent_id: "agent-1", token_version: 4 }), {
      portal: "CP",
      userId: "user-7",
      email: "seven@customer.example",
      customerId: Option.some("customer-3"),
      roles: ["customer_admin"],
      isGovernor: false,
      trial: false,
      trialExpiresAt: Option.none(),
      agentId: Option.some("agent-1"),
      governorAgentId: Option.none(),
      tokenId: Option.some("token-1"),
      tokenVersion: Option.some(4),
      issuedAt: noon,
      expiresAt: noon + 3600,
    })
  })

  it("may name no customer on PP, by null or by silence", () => {
    assert.deepStrictEqual(accept("PP").customerId, Option.none())
    assert.deepStrictEqual(accept("PP", { customer_id: undefined }).customerId, Option.none())
    assert.deepStrictEqual(accept("PP", { customer_id: "customer-3" }).customerId, Option.some("customer-3"))
  })

  it("have user_id and sub of one person", () => {
    assert.instanceOf(read("CP", { user_id: "user-8" }), Problem)
    assert.strictEqual(accept("CP", { user_id: "user-8", sub: "user-8" }).userId, "user-8")
  })

  it("may live for 24 hours to the second, and be issued within the leeway", () => {
    assert.strictEqual(accept("CP", { exp: noon + 86_400 }).expiresAt, noon + 86_400)
    assert.strictEqual(accept("CP", { iat: noon + 60 }).issuedAt, noon + 60)
  })

  it.each(["1e999", "-1e999"])("are refused with the number %s, which JSON reads as infinite", (number) => {
    for (const claim of ["iat", "exp", "nbf"]) {
      const json = JSON.stringify({ ...goodClaims.CP, [claim]: "here" }).replace('"here"', number)
      assert.instanceOf(identityOf(JSON.parse(json), Cp, rules), Problem, claim)
    }
  })

  it("are read from the payload itself, not from a prototype it smuggles in", () => {
    const { roles, ...rest } = goodClaims.CP
    const json = JSON.stringify(rest).replace("{", `{"__proto__":${JSON.stringify({ roles })},`)
    assert.instanceOf(identityOf(JSON.parse(json), Cp, rules), Problem)
  })

  it.each([null, "text", 7, []])("are an object, not %j", (payload) => {
    assert.instanceOf(identityOf(payload, Cp, rules), Problem)
  })
})

describe("the Governor", () => {
  const cases: ReadonlyArray<
    readonly [portal: PortalId, changes: Record<string, unknown>, expected: boolean]
  > = [
    ["CP", { roles: ["governor"] }, true],
    ["CP", { roles: ["customer", "governor"] }, true],
    ["CP", { roles: ["customer_admin"], governor_agent_id: "agent-9" }, false],
    ["PP", { roles: ["admin"], governor_agent_id: "agent-9" }, true],
    ["PP", { roles: ["admin"] }, false],
    ["PP", { roles: ["viewer"], governor_agent_id: "agent-9" }, false],
  ]
  it.each(cases)("on %s with %j: %s", (portal, changes, expected) => {
    assert.strictEqual(accept(portal, changes).isGovernor, expected)
  })
})

describe("the trial", () => {
  it("is what a CP token without trial_mode means, and not what a PP token means", () => {
    const silent = { trial_mode: undefined, trial_expires_at: "2026-03-20T00:00:00Z" }
    assert.isTrue(accept("CP", silent).trial)
    assert.isFalse(accept("PP", silent).trial)
  })

  it("must say when it ends", () => {
    assert.instanceOf(read("CP", { trial_mode: true }), Problem)
    assert.instanceOf(read("CP", { trial_mode: undefined }), Problem)
    assert.instanceOf(read("PP", { trial_mode: true }), Problem)
  })

  const instants: ReadonlyArray<readonly [text: string, iso: string]> = [
    ["2026-03-20T10:30:00Z", "2026-03-20T10:30:00.000Z"],
    ["2026-03-20T10:30:00.123456Z", "2026-03-20T10:30:00.123Z"],
    ["2026-03-20T10:30Z", "2026-03-20T10:30:00.000Z"],
    ["2026-03-20T10:30:00+05:30", "2026-03-20T05:00:00.000Z"],
    ["2026-03-20T10:30:00-0800", "2026-03-20T18:30:00.000Z"],
    ["2026-03-20T10:30:00+05", "2026-03-20T05:30:00.000Z"],
    ["2026-03-20T10:30:00.123456", "2026-03-20T10:30:00.123Z"],
    ["2026-03-20", "2026-03-20T00:00:00.000Z"],
    ["2028-02-29T23:59:59Z", "2028-02-29T23:59:59.000Z"],
  ]
  it.each(instants)("ends at %s, which is %s", (text, iso) => {
    assert.deepStrictEqual(
      accept("CP", { trial_mode: true, trial_expires_at: text }).trialExpiresAt,
      Option.some(Date.parse(iso)),
    )
  })

  it("has no end for a paying customer, whatever the token still says", () => {
    assert.deepStrictEqual(
      accept("CP", { trial_mode: false, trial_expires_at: "2026-03-20" }).trialExpiresAt,
      Option.none(),
    )
  })
})
