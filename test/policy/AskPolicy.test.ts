import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import { routesOf } from "../../src/http/Routes.ts"
import { agentOf } from "../../src/policy/AgentOf.ts"
import { decisionRequest } from "../../src/policy/AskPolicy.ts"
import type { Reason } from "../../src/policy/Decision.ts"
import { PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { approvalRequired, refusalOf, trialLimitExceeded } from "../../src/policy/PolicyRefusals.ts"
import { customer, staff } from "../auth/Identities.ts"
import { askingOf } from "./StagesUnderTest.ts"

const now = Date.parse("2026-06-01T12:00:00Z")
const later = now + 60_000

const approval = {
  id: "4a4ec5f5-0ae0-4f92-8f27-8a1a0c6f5a11",
  action: "agent.create",
  customerId: "customer-1",
  resource: "/api/v1/agents",
  method: "POST",
  agentId: Option.none(),
  requestedBy: "user-1",
  correlationId: "correlation-1",
  requestedAt: now,
  expiresAt: later,
  status: "approved",
  decidedAt: Option.some(now),
  decidedBy: Option.some("governor-1"),
  decisionReason: Option.none(),
  consumedAt: Option.none(),
} as const

describe("what the policies are asked", () => {
  it("of a customer is who it is, what it asks for, and what its route means on CP", () => {
    const asking = askingOf({
      identity: customer({
        roles: ["customer_admin", "customer"],
        trial: true,
        trialExpiresAt: Option.some(later),
      }),
      method: "POST",
      path: "/api/v1/agents/agent-7/execute-external",
    })
    assert.deepStrictEqual(decisionRequest(asking, now, approval), {
      portal: "CP",
      subject: "user-1",
      customer_id: "customer-1",
      roles: ["customer_admin", "customer"],
      is_governor: false,
      trial: { mode: true, expires_at: later },
      method: "POST",
      route: "/api/v1/agents/{id}/execute-external",
      resource: "/api/v1/agents/agent-7/execute-external",
      permission: null,
      action: "execution.external",
      closed_to_trials: false,
      agent_id: "agent-7",
      now,
      approval: {
        status: "approved",
        action: "agent.create",
        customer_id: "customer-1",
        resource: "/api/v1/agents",
        expires_at: later,
      },
    })
  })

  it("of a member of staff is the permission, and nothing of CP's rules", () => {
    const asking = askingOf({ identity: staff({ isGovernor: true }), method: "PUT", path: "/api/v1/billing" })
    assert.deepStrictEqual(decisionRequest(asking, now, null), {
      portal: "PP",
      subject: "staff-1",
      customer_id: null,
      roles: ["viewer"],
      is_governor: true,
      trial: { mode: false, expires_at: null },
      method: "PUT",
      route: "/api/v1/billing",
      resource: "/api/v1/billing",
      permission: "billing.manage",
      action: null,
      closed_to_trials: false,
      agent_id: null,
      now,
      approval: null,
    })
  })

  it("of a route for any role is `signed-in`, and of a route without an entry nothing", () => {
    const anyRole = askingOf({ identity: staff(), path: "/api/v1/auth/me" })
    assert.strictEqual(decisionRequest(anyRole, now, null).permission, "signed-in")
    const { pp: _, ...route } = anyRole.match.route
    const noEntry = { ...anyRole, match: { ...anyRole.match, route } }
    assert.isNull(decisionRequest(noEntry, now, null).permission)
  })

  it.effect.each(["CP", "PP"] as const)("of every route of %s is something that they can read", (portal) =>
    Effect.gen(function* () {
      const { decide } = yield* PolicyEngine
      const routes = routesOf(portal).filter((route) => !route.public && route.ownAuthentication !== true)
      assert.isAbove(routes.length, 40)
      for (const route of routes) {
        const path = route.template.replace("/**", "/a/b").replaceAll(/\{\w+\}/g, "x")
        const identity = portal === "CP" ? customer() : staff()
        const { reasons } = yield* decide(
          decisionRequest(askingOf({ identity, method: route.method, path }), now, null),
        )
        assert.notInclude(
          reasons.map(({ code }) => code),
          "malformed-input",
          `${route.method} ${route.template}`,
        )
      }
    }).pipe(Effect.provide(WasmPolicyEngine.layer)),
  )
})

const agentAt = (path: string, method = "GET", identity = customer()) =>
  Option.getOrNull(agentOf(identity, askingOf({ identity, method, path }).match))

describe("the agent of a request", () => {
  it("is the token's, wherever it goes", () => {
    const identity = customer({ agentId: Option.some("agent-1") })
    assert.strictEqual(agentAt("/api/v1/agents/agent-2", "GET", identity), "agent-1")
    assert.strictEqual(agentAt("/api/v1/tasks", "POST", identity), "agent-1")
  })

  it("is else the one that an agents route names", () => {
    assert.strictEqual(agentAt("/api/v1/agents/agent-2"), "agent-2")
    assert.strictEqual(agentAt("/api/v1/agents/agent-2/execute", "POST"), "agent-2")
    assert.strictEqual(agentAt("/api/v1/agents/agent-2/skills/s-1", "DELETE"), "agent-2")
  })

  it("is none where the id is of something else, or there is none", () => {
    for (const path of ["/api/v1/agents", "/api/v1/tasks/t-1", "/api/v1/catalog/agents/a-1"]) {
      assert.isNull(agentAt(path))
    }
  })

  it("is the same one however the path spells it", () => {
    for (const spelt of ["a:1", "a%3A1"]) assert.strictEqual(agentAt(`/api/v1/agents/${spelt}`), "a:1")
  })
})

const refusal = (...reasons: readonly [Reason, ...ReadonlyArray<Reason>]) =>
  refusalOf(reasons, "https://waooaw.example/upgrade")

describe("a denial", () => {
  it("is answered with its first reason, and lists the codes of all", () => {
    const { slug, extensions } = refusal(
      { code: "trial-expired", expires_at: now },
      { code: "trial-closed-route" },
      { code: "approval-required", action: "billing.update", approval: "missing" },
    )
    assert.strictEqual(slug, "trial-expired")
    assert.deepStrictEqual(extensions, {
      upgrade_url: "https://waooaw.example/upgrade",
      reasons: ["trial-expired", "trial-closed-route", "approval-required"],
    })
  })

  it.each([
    [{ code: "trial-expiry-missing" }, "trial-expired"],
    [{ code: "trial-closed-route" }, "permission-denied"],
    [{ code: "malformed-input", fields: ["roles"] }, "permission-denied"],
    [{ code: "approval-required", action: null, approval: "missing" }, "approval-required"],
  ] as const)("because of %o is %s with 403", (reason, slug) => {
    const problem = refusal(reason)
    assert.strictEqual(problem.slug, slug)
    assert.strictEqual(problem.status, 403)
    assert.deepStrictEqual(problem.extensions?.["reasons"], [reason.code])
  })

  it("for want of a permission names it, and the roles that have it", () => {
    const { extensions } = refusal({
      code: "permission-denied",
      permission: "agent.create",
      required_roles: ["admin", "agent_orchestrator"],
    })
    assert.deepStrictEqual(extensions, {
      permission: "agent.create",
      required_roles: ["admin", "agent_orchestrator"],
      reasons: ["permission-denied"],
    })
  })

  it("does not show the caller what the gateway asked wrongly", () => {
    const problem = refusal({ code: "malformed-input", fields: ["trial.mode"] })
    assert.notInclude(JSON.stringify([problem.detail, problem.extensions]), "trial.mode")
  })
})

const linkOf = (uiUrl: string) =>
  approvalRequired({ approval, objection: "No.", uiUrl, reasons: ["approval-required"] }).extensions?.[
    "approval_url"
  ]

describe("the link to an approval", () => {
  it("has the approval in its query, and keeps what the configured URL has", () => {
    assert.strictEqual(
      linkOf("https://pp.waooaw.example/approvals"),
      `https://pp.waooaw.example/approvals?request_id=${approval.id}&action=agent.create`,
    )
    assert.strictEqual(
      linkOf("https://pp.waooaw.example/ui?tab=a%26b&action=x#list"),
      `https://pp.waooaw.example/ui?tab=a%26b&action=agent.create&request_id=${approval.id}#list`,
    )
  })

  it("goes with an agent's id that a header can hold, whatever the id", () => {
    for (const [id, header] of [
      ["agent-7", "agent-7"],
      ["a:1", "a:1"],
      ["Jürgen 你", "J%C3%BCrgen%20%E4%BD%A0"],
      ["a%3A1", "a%253A1"],
    ] as const) {
      const { headers } = approvalRequired({
        approval: { ...approval, agentId: Option.some(id) },
        objection: "No.",
        uiUrl: "https://pp.waooaw.example",
        reasons: ["approval-required"],
      })
      assert.strictEqual(headers?.["x-governor-agent-id"], header)
    }
  })
})

describe("the limit on a trial's tasks", () => {
  it.each([
    ["2026-06-01T12:00:00Z", "2026-06-02T00:00:00.000Z", 43_200],
    ["2026-06-30T23:59:59.001Z", "2026-07-01T00:00:00.000Z", 1],
    ["2026-12-31T00:00:00Z", "2027-01-01T00:00:00.000Z", 86_400],
    ["2028-02-28T23:00:00.500Z", "2028-02-29T00:00:00.000Z", 3600],
  ])("says at %s that it is lifted at %s, in %i seconds", (at, resetAt, seconds) => {
    const problem = trialLimitExceeded({
      count: 10,
      limit: 10,
      now: Date.parse(at),
      resetAt: Date.parse(resetAt),
      upgradeUrl: "https://waooaw.example/upgrade",
    })
    assert.strictEqual(problem.status, 429)
    assert.strictEqual(problem.headers?.["retry-after"], String(seconds))
    assert.deepStrictEqual(problem.extensions, {
      task_count: 10,
      limit: 10,
      reset_at: resetAt,
      upgrade_url: "https://waooaw.example/upgrade",
    })
  })
})
