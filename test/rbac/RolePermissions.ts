import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { lastHeader, startGateway } from "../GatewayUnderTest.ts"

/** SPEC 4, written down again: the roles that have each permission besides `admin`. */
const rolesOf: Readonly<Record<string, ReadonlyArray<string>>> = {
  "system.configure": [],
  "user.delete": [],
  "user.assign_role": [],
  "billing.manage": ["subscription_manager"],
  "billing.approve_credit": ["subscription_manager"],
  "subscription.create": ["subscription_manager"],
  "subscription.update": ["subscription_manager"],
  "subscription.cancel": ["subscription_manager"],
  "subscription.force_cancel": ["subscription_manager"],
  "customer.manage": ["subscription_manager"],
  "customer.view": ["subscription_manager", "helpdesk_agent"],
  "agent.create": ["agent_orchestrator"],
  "agent.update": ["agent_orchestrator"],
  "agent.deploy": ["agent_orchestrator"],
  "agent.execute": ["agent_orchestrator"],
  "agent.approve": ["agent_orchestrator"],
  "task.create": ["agent_orchestrator"],
  "task.cancel": ["agent_orchestrator"],
  "infrastructure.deploy": ["infrastructure_engineer"],
  "infrastructure.configure": ["infrastructure_engineer"],
  "database.access": ["infrastructure_engineer"],
  "monitoring.configure": ["infrastructure_engineer"],
  "incident.create": ["infrastructure_engineer"],
  "ticket.create": ["helpdesk_agent"],
  "ticket.update": ["helpdesk_agent"],
  "ticket.resolve": ["helpdesk_agent"],
  "sla.view_breaches": ["subscription_manager", "helpdesk_agent"],
  "industry.manage": ["industry_manager"],
  "agent.categorize": ["industry_manager"],
  "dashboard.view": [
    "subscription_manager",
    "agent_orchestrator",
    "infrastructure_engineer",
    "helpdesk_agent",
    "industry_manager",
    "viewer",
  ],
  "report.view": [
    "subscription_manager",
    "agent_orchestrator",
    "infrastructure_engineer",
    "helpdesk_agent",
    "industry_manager",
    "viewer",
  ],
  "agent.view": [
    "subscription_manager",
    "agent_orchestrator",
    "infrastructure_engineer",
    "helpdesk_agent",
    "industry_manager",
    "viewer",
  ],
}

/** ROUTES.md, written down again: every route of PP that reaches Plant, with the permission it needs. */
const routes: ReadonlyArray<readonly [permission: string, method: string, path: string]> = [
  ["agent.view", "GET", "agents"],
  ["agent.view", "GET", "agents/a-1"],
  ["agent.view", "GET", "agents/a-1/skills"],
  ["agent.create", "POST", "agents"],
  ["agent.update", "PATCH", "agents/a-1"],
  ["agent.update", "PUT", "agents/a-1/skills/s-1/goal-config"],
  ["agent.update", "DELETE", "agents/a-1"],
  ["agent.update", "DELETE", "agents/a-1/skills/s-1"],
  ["agent.update", "POST", "agents/a-1/assign-team"],
  ["agent.update", "POST", "agents/a-1/skills"],
  ["agent.execute", "POST", "agents/a-1/pause"],
  ["agent.execute", "POST", "agents/a-1/resume"],
  ["agent.execute", "POST", "agents/a-1/restart"],
  ["agent.view", "GET", "agents/a-1/logs"],
  ["agent.approve", "POST", "agents/a-1/approve"],
  ["agent.approve", "POST", "catalog/agents/a-1/approve"],
  ["agent.execute", "POST", "agents/a-1/execute"],
  ["agent.execute", "POST", "agents/a-1/execute-external"],
  ["agent.deploy", "POST", "deployments"],
  ["agent.deploy", "POST", "agents/a-1/deploy"],
  ["report.view", "GET", "tasks/t-1"],
  ["task.create", "POST", "tasks"],
  ["task.cancel", "POST", "tasks/t-1/cancel"],
  ["customer.view", "GET", "trials"],
  ["customer.manage", "POST", "trials"],
  ["customer.view", "GET", "trial-status"],
  ["agent.view", "GET", "genesis/skills"],
  ["industry.manage", "POST", "genesis/skills"],
  ["industry.manage", "POST", "genesis/skills/s-1/certify"],
  ["agent.view", "GET", "catalog/agents"],
  ["agent.view", "GET", "agent-types/t-1"],
  ["agent.categorize", "PUT", "agents/a-1/category"],
  ["agent.view", "GET", "hired-agents/h-1"],
  ["agent.update", "POST", "hired-agents/h-1/pause"],
  ["agent.update", "PUT", "hired-agents/draft"],
  ["customer.view", "GET", "customers"],
  ["customer.view", "GET", "customers/c-1"],
  ["customer.manage", "POST", "customers"],
  ["customer.manage", "PATCH", "customers/c-1"],
  ["user.delete", "DELETE", "customers/c-1"],
  ["user.delete", "DELETE", "customers/c-1/erase"],
  ["subscription.force_cancel", "POST", "customers/c-1/force-cancel"],
  ["customer.manage", "GET", "customers/c-1/data/export"],
  ["billing.manage", "GET", "invoices/i-1"],
  ["billing.manage", "POST", "invoices/i-1"],
  ["billing.manage", "GET", "receipts/r-1"],
  ["billing.manage", "PUT", "billing"],
  ["subscription.update", "PATCH", "subscription"],
  ["billing.approve_credit", "POST", "billing/credit-proposals/approve"],
  ["subscription.create", "POST", "subscriptions"],
  ["customer.view", "GET", "payments/subscriptions/by-customer/c-1"],
  ["subscription.cancel", "POST", "payments/subscriptions/s-1/cancel"],
  ["user.assign_role", "POST", "users/u-1/roles"],
  ["user.delete", "DELETE", "users/u-1"],
  ["dashboard.view", "GET", "dashboard"],
  ["report.view", "GET", "reports/r-1"],
  ["sla.view_breaches", "GET", "sla/breaches"],
  ["incident.create", "POST", "incidents"],
  ["ticket.create", "POST", "tickets"],
  ["ticket.update", "PATCH", "tickets/t-1"],
  ["ticket.resolve", "POST", "tickets/t-1/resolve"],
  ["infrastructure.configure", "PUT", "infrastructure/config"],
  ["monitoring.configure", "PUT", "monitoring/config"],
  ["system.configure", "PUT", "system/config"],
  ["infrastructure.deploy", "POST", "infrastructure/deploy"],
  ["database.access", "GET", "admin/db/tables"],
  ["database.access", "POST", "admin/db/tables/query"],
]

const levels = {
  viewer: 1,
  industry_manager: 2,
  helpdesk_agent: 3,
  infrastructure_engineer: 4,
  agent_orchestrator: 5,
  subscription_manager: 6,
  admin: 7,
}

/** Every role at every route, over real sockets, with the policies evaluated as `env` says. */
export const rolePermissions = (
  env: Effect.Effect<Readonly<Record<string, string>>, never, Scope.Scope>,
): void => {
  it("there is a route for every permission", () => {
    assert.deepStrictEqual(new Set(routes.map(([permission]) => permission)), new Set(Object.keys(rolesOf)))
  })

  it.live.each(Object.entries(levels))(
    "%s may do what its permissions say, and nothing else",
    ([role, level]) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway({ env: yield* env })
        const token = yield* gateway.token("PP", { roles: [role] })
        for (const [permission, method, path] of routes) {
          const before = gateway.plant.requests.length
          const answer = yield* gateway.send({
            method,
            path: `/pp/api/v1/${path}`,
            headers: { authorization: `Bearer ${token}` },
          })
          const roles = rolesOf[permission] ?? assert.fail(permission)
          const what = `${method} ${path} as ${role}`
          if (role === "admin" || roles.includes(role)) {
            assert.isBelow(answer.status, 300, what)
            assert.strictEqual(gateway.plant.requests.length, before + 1, what)
            assert.strictEqual(lastHeader(gateway.plant, "x-user-roles"), role, what)
            assert.strictEqual(lastHeader(gateway.plant, "x-user-role-level"), String(level), what)
          } else {
            assert.strictEqual(answer.status, 403, what)
            assert.strictEqual(answer.headers["x-error-code"], "PERMISSION_DENIED", what)
            const { permission: named, required_roles: required } = answer.json()
            assert.strictEqual(named, permission, what)
            assert.deepStrictEqual(required, ["admin", ...roles], what)
            assert.strictEqual(gateway.plant.requests.length, before, what)
          }
        }
      }),
  )

  it.live("of several roles the permissions add up, and the highest level goes upstream", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway({ env: yield* env })
      const token = yield* gateway.token("PP", { roles: ["viewer", "helpdesk_agent", "industry_manager"] })
      const headers = { authorization: `Bearer ${token}` }
      for (const [method, path] of [
        ["GET", "agents"],
        ["POST", "tickets"],
        ["PUT", "agents/a-1/category"],
      ] as const) {
        const { status } = yield* gateway.send({ method, path: `/pp/api/v1/${path}`, headers })
        assert.isBelow(status, 300, path)
        assert.strictEqual(lastHeader(gateway.plant, "x-user-role-level"), "3")
      }
      const { status } = yield* gateway.send({ method: "POST", path: "/pp/api/v1/tasks", headers })
      assert.strictEqual(status, 403)
    }),
  )
}
