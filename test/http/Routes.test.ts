import { assert, describe, it } from "@effect/vitest"
import { Problem } from "../../src/http/Problems.ts"
import { findRoute, type Match, type Pin, type Route, routesOf } from "../../src/http/Routes.ts"
import { table } from "../../src/http/RouteTable.ts"
import type { PortalId } from "../../src/portals/Portal.ts"

const portals: ReadonlyArray<PortalId> = ["CP", "PP"]

const nameOf = (route: Route): string => `${route.method} ${route.template}`
const spelled = (pin: Pin): string => (pin.in === "path" ? `path {${pin.param}}` : pin.in)
const usualCost = (route: Route): number =>
  route.method === "GET" || route.answeredBy === "gateway" ? 0 : 1_000
const named = (where: (route: Route) => unknown): ReadonlyArray<string> =>
  table.filter(where).map(nameOf).toSorted()

const found = (portal: PortalId | undefined, method: string, path: string): Match => {
  const match = findRoute(portal, method, path)
  if (match instanceof Problem) assert.fail(`${method} ${path} on ${portal}: ${match.message}`)
  return match
}
const refused = (portal: PortalId | undefined, method: string, path: string): Problem => {
  const match = findRoute(portal, method, path)
  if (!(match instanceof Problem)) assert.fail(`${method} ${path} on ${portal} was found`)
  return match
}
const templateAt = (portal: PortalId | undefined, method: string, path: string): string =>
  nameOf(found(portal, method, path).route)

describe("the route table says what ROUTES.md says", () => {
  it("has no two rows for one method and path, whatever their parameters are called", () => {
    const names = table.map((route) => nameOf(route).replaceAll(/\{\w+\}/g, "{}"))
    assert.deepStrictEqual([...new Set(names)], names)
  })

  it("has only templates of whole segments, with /** at the end or nowhere", () => {
    for (const { template } of table) {
      assert.match(template, /^(?:\/(?:[a-z_.0-9-]+|\{\w+\}))+(?:\/\*\*)?$/, template)
    }
  })

  it("is public only where SPEC 2 says so", () => {
    assert.deepStrictEqual(
      named((route) => route.public),
      [
        "GET /api/auth/google/callback",
        "GET /api/auth/google/login",
        "GET /docs",
        "GET /health",
        "GET /healthz",
        "GET /openapi.json",
        "GET /ready",
        "POST /api/v1/auth/google/verify",
        "POST /api/v1/auth/logout",
        "POST /api/v1/auth/otp/start",
        "POST /api/v1/auth/otp/verify",
        "POST /api/v1/auth/refresh",
        "POST /api/v1/auth/register",
      ],
    )
  })

  it("leaves two admin routes their own authentication", () => {
    assert.deepStrictEqual(
      named((route) => route.ownAuthentication),
      ["POST /_gateway/billing/events", "POST /_gateway/ws/ticket"],
    )
  })

  it("limits by address what takes no portal's token, but health and documentation", () => {
    assert.deepStrictEqual(
      named((route) => route.limitedByAddress),
      named((route) => (route.public && !route.portalless) || route.ownAuthentication),
    )
  })

  it("is answered by the gateway itself for local routes, budgets and the admin API", () => {
    assert.deepStrictEqual(
      [
        ...new Set(table.filter((route) => route.answeredBy === "gateway").map((route) => route.template)),
      ].toSorted(),
      [
        "/_gateway/**",
        "/_gateway/billing/events",
        "/_gateway/ws/ticket",
        "/api/v1/budgets/agent/{id}",
        "/api/v1/budgets/platform",
        "/docs",
        "/health",
        "/healthz",
        "/openapi.json",
        "/ready",
      ],
    )
  })

  it("needs a permission on PP everywhere but for one's own account, sign-in, local routes and the admin API", () => {
    assert.deepStrictEqual(
      named((route) => route.pp !== undefined && route.pp.permission === undefined),
      named(
        (route) =>
          route.public || route.template.startsWith("/_gateway/") || route.template === "/api/v1/auth/me",
      ),
    )
  })

  it("needs a Governor on CP for the sensitive acts", () => {
    const actions = table.flatMap((route) => (route.cp?.action ? [[nameOf(route), route.cp.action]] : []))
    assert.deepStrictEqual(Object.fromEntries(actions), {
      "POST /api/v1/agents": "agent.create",
      "DELETE /api/v1/agents/{id}": "agent.delete",
      "POST /api/v1/agents/{id}/execute-external": "execution.external",
      "DELETE /api/v1/customers/{id}": "customer.delete",
      "DELETE /api/v1/customers/{id}/erase": "customer.delete",
      "GET /api/v1/customers/{id}/data/export": "data.export",
      "PUT /api/v1/billing": "billing.update",
      "PATCH /api/v1/billing": "billing.update",
      "PUT /api/v1/subscription": "subscription.change",
      "PATCH /api/v1/subscription": "subscription.change",
    })
  })

  it("counts three routes as tasks of a trial", () => {
    assert.deepStrictEqual(
      named((route) => route.cp?.task),
      ["POST /api/v1/agents/{id}/execute", "POST /api/v1/agents/{id}/execute-external", "POST /api/v1/tasks"],
    )
  })

  it("closes invoices, receipts, billing and subscriptions to trials", () => {
    assert.deepStrictEqual(
      named((route) => route.cp?.closedToTrials),
      [
        "GET /api/v1/invoices/**",
        "GET /api/v1/receipts/**",
        "PATCH /api/v1/billing",
        "PATCH /api/v1/subscription",
        "POST /api/v1/invoices/**",
        "POST /api/v1/subscriptions",
        "PUT /api/v1/billing",
        "PUT /api/v1/subscription",
      ],
    )
  })

  it("pins the tenant where a customer can be named", () => {
    const pins = table.flatMap((route) => (route.cp?.pin ? [[nameOf(route), spelled(route.cp.pin)]] : []))
    assert.deepStrictEqual(Object.fromEntries(pins), {
      "GET /api/v1/trial-status": "query",
      "GET /api/v1/trial-status/by-subscription/{id}": "query",
      "POST /api/v1/hired-agents/draft": "body",
      "PUT /api/v1/hired-agents/draft": "body",
      "POST /api/v1/hired-agents/{id}/finalize": "body",
      "PUT /api/v1/hired-agents/{id}/finalize": "body",
      "GET /api/v1/hired-agents/by-subscription/{id}": "query",
      "POST /api/v1/hired-agents/by-subscription/{id}": "query",
      "PUT /api/v1/hired-agents/by-subscription/{id}": "query",
      "GET /api/v1/hired-agents/by-customer/{customer_id}": "path {customer_id}",
      "POST /api/v1/hired-agents/by-customer/{customer_id}": "path {customer_id}",
      "PUT /api/v1/hired-agents/by-customer/{customer_id}": "path {customer_id}",
      "GET /api/v1/hired-agents/by-customer/{customer_id}/**": "path {customer_id}",
      "POST /api/v1/hired-agents/by-customer/{customer_id}/**": "path {customer_id}",
      "PUT /api/v1/hired-agents/by-customer/{customer_id}/**": "path {customer_id}",
      "DELETE /api/v1/customers/{id}": "path {id}",
      "DELETE /api/v1/customers/{id}/erase": "path {id}",
      "GET /api/v1/customers/{id}/data/export": "path {id}",
      "GET /api/v1/invoices/**": "query",
      "GET /api/v1/receipts/**": "query",
      "GET /api/v1/payments/subscriptions/by-customer/{customer_id}": "path {customer_id}",
      "POST /api/v1/payments/subscriptions/{id}/cancel": "query",
      "POST /api/v1/payments/coupon/checkout": "body",
      "POST /api/v1/payments/razorpay/order": "body",
      "POST /api/v1/payments/razorpay/confirm": "body",
    })
    for (const { template, cp } of table) {
      if (cp?.pin?.in === "path") assert.include(template, `/{${cp.pin.param}}`)
    }
  })

  it("costs nothing to read and a tenth of a cent to write, with two exceptions", () => {
    const unusual = table.filter((route) => route.cost !== usualCost(route))
    assert.deepStrictEqual(Object.fromEntries(unusual.map((route) => [nameOf(route), route.cost])), {
      "POST /api/v1/tasks": 10_000,
      "GET /api/v1/customers/{id}/data/export": 50_000,
    })
  })

  it("never times out events and sockets, which stay silent, and nothing else", () => {
    assert.deepStrictEqual(
      named((route) => route.timeout === "none"),
      [
        "GET /api/v1/agents/{id}/events",
        "GET /api/v1/genesis/events",
        "GET /ws/agent/{id}",
        "GET /ws/approvals",
        "GET /ws/trial-progress",
      ],
    )
  })

  it("has sockets on CP only", () => {
    const sockets = table.filter((route) => route.upgrade)
    assert.deepStrictEqual(
      sockets.map((route) => route.template),
      ["/ws/agent/{id}", "/ws/approvals", "/ws/trial-progress"],
    )
    assert.isTrue(sockets.every((route) => route.cp !== undefined && route.pp === undefined))
  })

  it.each([
    ["GET", "/api/v1/agents/a/logs", "agent.view"],
    ["POST", "/api/v1/agents/a/deploy", "agent.deploy"],
    ["PUT", "/api/v1/agents/a/category", "agent.categorize"],
    ["POST", "/api/v1/catalog/agents/a/approve", "agent.approve"],
    ["POST", "/api/v1/tasks/t/cancel", "task.cancel"],
    ["POST", "/api/v1/genesis/skills/s/certify", "industry.manage"],
    ["PATCH", "/api/v1/customers/c", "customer.manage"],
    ["DELETE", "/api/v1/customers/c", "user.delete"],
    ["POST", "/api/v1/customers/c/force-cancel", "subscription.force_cancel"],
    ["POST", "/api/v1/billing/credit-proposals/approve", "billing.approve_credit"],
    ["PUT", "/api/v1/billing", "billing.manage"],
    ["PUT", "/api/v1/subscription", "subscription.update"],
    ["POST", "/api/v1/users/u/roles", "user.assign_role"],
    ["POST", "/api/v1/tickets", "ticket.create"],
    ["PATCH", "/api/v1/tickets/t", "ticket.update"],
    ["POST", "/api/v1/tickets/t/resolve", "ticket.resolve"],
    ["PUT", "/api/v1/system/config", "system.configure"],
    ["GET", "/api/v1/admin/db/tables/agents", "database.access"],
    ["GET", "/api/v1/hired-agents/h", "agent.view"],
    ["PUT", "/api/v1/hired-agents/h", "agent.update"],
  ])("needs on PP for %s %s the permission %s", (method, path, permission) => {
    assert.strictEqual(found("PP", method, path).route.pp?.permission, permission)
  })
})

describe("finding the route of a path", () => {
  it("finds every route of every portal by an example of its path", () => {
    for (const portal of [...portals, undefined]) {
      const routes = routesOf(portal)
      assert.isAbove(routes.length, 0)
      for (const route of routes) {
        const path = route.template.replaceAll(/\{\w+\}/g, "x-1").replace("**", "some/thing")
        assert.strictEqual(found(portal, route.method, path).route, route, nameOf(route))
      }
    }
  })

  it("keeps the portals apart: a route of the other portal is not found", () => {
    assert.strictEqual(refused("CP", "GET", "/api/v1/customers").slug, "not-found")
    assert.strictEqual(refused("CP", "GET", "/_gateway/status").slug, "not-found")
    assert.strictEqual(refused("CP", "POST", "/api/v1/agents/a/pause").slug, "not-found")
    assert.strictEqual(refused("PP", "GET", "/ws/approvals").slug, "not-found")
    assert.strictEqual(refused("PP", "POST", "/api/v1/payments/razorpay/order").slug, "not-found")
  })

  it("serves only health and documentation where there is no portal", () => {
    assert.deepStrictEqual(routesOf(undefined).map(nameOf).toSorted(), [
      "GET /docs",
      "GET /health",
      "GET /healthz",
      "GET /openapi.json",
      "GET /ready",
    ])
    assert.strictEqual(refused(undefined, "GET", "/api/v1/agents").slug, "not-found")
    assert.strictEqual(refused(undefined, "POST", "/api/v1/auth/register").slug, "not-found")
  })

  it("gives the segments as they were sent", () => {
    const { params } = found("CP", "PUT", "/api/v1/agents/a%20b/skills/c:d/goal-config")
    assert.deepStrictEqual(params, { id: "a%20b", sid: "c:d" })
    assert.deepStrictEqual(found("PP", "GET", "/_gateway/audit/x/y").params, { "**": "audit/x/y" })
    assert.deepStrictEqual(found("CP", "GET", "/api/v1/agents").params, {})
  })

  it("answers 405 with the methods of the path, HEAD among them where GET is", () => {
    const problem = refused("CP", "DELETE", "/api/v1/agents")
    assert.strictEqual(problem.slug, "method-not-allowed")
    assert.deepStrictEqual(problem.headers, { allow: "GET, HEAD, POST" })
    assert.deepStrictEqual(refused("CP", "GET", "/api/v1/auth/register").headers, { allow: "POST" })
    assert.deepStrictEqual(refused("PP", "TRACE", "/_gateway/x").headers, {
      allow: "DELETE, GET, HEAD, PATCH, POST, PUT",
    })
  })

  it("names in Allow the portal's own methods only", () => {
    assert.deepStrictEqual(refused("CP", "GET", "/api/v1/customers/c").headers, { allow: "DELETE" })
    assert.deepStrictEqual(refused("PP", "POST", "/api/v1/customers/c").headers, {
      allow: "DELETE, GET, HEAD, PATCH, PUT",
    })
  })

  it("takes methods as they are spelled", () => {
    assert.strictEqual(refused("CP", "get", "/api/v1/agents").slug, "method-not-allowed")
  })

  it("answers HEAD by the GET route and by no other", () => {
    assert.strictEqual(templateAt("CP", "HEAD", "/api/v1/agents/a"), "GET /api/v1/agents/{id}")
    assert.strictEqual(refused("CP", "HEAD", "/api/v1/auth/register").slug, "method-not-allowed")
  })

  it.each([
    "/healthz/x",
    "/xhealth",
    "/health/",
    "//health",
    "/HEALTH",
    "health",
    "",
    "/",
    "/api/v1",
    "/api/v1/agents/",
    "/api/v1/agents//skills",
    "/api/v1/agents/a/skills/",
    "/api/v1/agents/a/b",
    "/x/api/v1/agents",
    "/api/v1/auth/me/health",
    "/api/v1/hired-agents",
    "/api/v1/hired-agents/",
    "/api/v1/hired-agents/x//y",
    "/api/v1/agents/{id}/**",
  ])("has no route %s: whole paths are matched, and an empty segment is nothing", (path) => {
    assert.strictEqual(refused("CP", "GET", path).slug, "not-found")
  })

  it("prefers a literal to a parameter and a parameter to the rest", () => {
    assert.strictEqual(
      templateAt("CP", "PUT", "/api/v1/hired-agents/draft"),
      "PUT /api/v1/hired-agents/draft",
    )
    assert.strictEqual(
      templateAt("CP", "POST", "/api/v1/hired-agents/h/finalize"),
      "POST /api/v1/hired-agents/{id}/finalize",
    )
    assert.strictEqual(
      templateAt("CP", "POST", "/api/v1/hired-agents/h/notes"),
      "POST /api/v1/hired-agents/**",
    )
    assert.strictEqual(templateAt("PP", "POST", "/_gateway/billing/events"), "POST /_gateway/billing/events")
    assert.strictEqual(templateAt("PP", "POST", "/_gateway/billing/other"), "POST /_gateway/**")
  })

  it("leaves a path to the wider template when the narrower one lacks the method", () => {
    assert.strictEqual(templateAt("CP", "GET", "/api/v1/hired-agents/draft"), "GET /api/v1/hired-agents/**")
    assert.deepStrictEqual(refused("CP", "DELETE", "/api/v1/hired-agents/draft").headers, {
      allow: "GET, HEAD, POST, PUT",
    })
  })

  it("serves no path below hired-agents/by-customer without the pin", () => {
    for (const method of ["GET", "POST", "PUT"]) {
      for (const tail of ["other", "other/finalize", "other/pause/x"]) {
        const { route, params } = found("CP", method, `/api/v1/hired-agents/by-customer/${tail}`)
        assert.deepStrictEqual(route.cp?.pin, { in: "path", param: "customer_id" })
        assert.strictEqual(params["customer_id"], "other")
      }
    }
  })

  it("knows no route by the names that every JavaScript object has", () => {
    for (const path of ["/constructor", "/__proto__", "/api/v1/toString", "/api/v1/agents/a/valueOf"]) {
      assert.strictEqual(refused("CP", "GET", path).slug, "not-found")
    }
    assert.strictEqual(refused("CP", "constructor", "/api/v1/agents").slug, "method-not-allowed")
  })
})
