import type { Permission } from "../rbac/Permission.ts"
import type { CpRule, Method, Pin, PpRule, Route } from "./Routes.ts"

/** What a row says beside its methods and paths. Left out: not on that portal, and the defaults of `rows`. */
interface Facts {
  readonly cp?: CpRule
  readonly pp?: PpRule
  readonly cost?: number
  readonly timeout?: "none"
  readonly upgrade?: true
  readonly answeredBy?: "gateway"
  readonly public?: true
  readonly ownAuthentication?: true
  readonly limitedByAddress?: true
  readonly portalless?: true
}

/** One route for each method and path. Paths are under `/api/v1` unless they start with `/`. */
const rows = (
  methods: ReadonlyArray<Method>,
  paths: ReadonlyArray<string>,
  facts: Facts,
): ReadonlyArray<Route> =>
  paths.flatMap((path) =>
    methods.map((method) => ({
      method,
      template: path.startsWith("/") ? path : `/api/v1/${path}`,
      answeredBy: "upstream",
      public: false,
      upgrade: false,
      // What the gateway answers itself costs the platform nothing; and at the cap a Governor must still get in.
      cost: method === "GET" || facts.answeredBy === "gateway" ? 0 : 1_000,
      timeout: "default",
      limitedByAddress: false,
      ...facts,
    })),
  )

const get = (paths: ReadonlyArray<string>, facts: Facts) => rows(["GET"], paths, facts)
const post = (paths: ReadonlyArray<string>, facts: Facts) => rows(["POST"], paths, facts)
const put = (paths: ReadonlyArray<string>, facts: Facts) => rows(["PUT"], paths, facts)
const patch = (paths: ReadonlyArray<string>, facts: Facts) => rows(["PATCH"], paths, facts)
const del = (paths: ReadonlyArray<string>, facts: Facts) => rows(["DELETE"], paths, facts)

/** On CP for every signed-in customer. */
const everyone: CpRule = {}
/** On PP for every role. */
const anyRole: PpRule = { anyRole: true }
const may = (permission: Permission): PpRule => ({ permission })

const pinQuery: CpRule = { pin: { in: "query" } }
const pinBody: CpRule = { pin: { in: "body" } }
const inPath = (param: string): Pin => ({ in: "path", param })
const pinCustomer: CpRule = { pin: inPath("customer_id") }

const signIn: Facts = { public: true, limitedByAddress: true, cp: everyone, pp: anyRole }

const agents = [
  get(["agents", "agents/{id}", "agents/{id}/skills"], { cp: everyone, pp: may("agent.view") }),
  post(["agents"], { cp: { action: "agent.create" }, pp: may("agent.create") }),
  rows(["PATCH", "PUT"], ["agents/{id}", "agents/{id}/skills/{sid}/goal-config"], {
    cp: everyone,
    pp: may("agent.update"),
  }),
  del(["agents/{id}"], { cp: { action: "agent.delete" }, pp: may("agent.update") }),
  del(["agents/{id}/skills/{sid}"], { cp: everyone, pp: may("agent.update") }),
  post(["agents/{id}/assign-team", "agents/{id}/skills"], { pp: may("agent.update") }),
  post(["agents/{id}/pause", "agents/{id}/resume", "agents/{id}/restart"], { pp: may("agent.execute") }),
  get(["agents/{id}/logs"], { pp: may("agent.view") }),
  post(["agents/{id}/approve", "catalog/agents/{id}/approve"], { pp: may("agent.approve") }),
  // What a body says decides nothing here: the external execution has a route of its own.
  post(["agents/{id}/execute"], { cp: { task: true }, pp: may("agent.execute") }),
  post(["agents/{id}/execute-external"], {
    cp: { task: true, action: "execution.external" },
    pp: may("agent.execute"),
  }),
  post(["deployments", "agents/{id}/deploy"], { pp: may("agent.deploy") }),
  put(["agents/{id}/category"], { pp: may("agent.categorize") }),
  get(["genesis/events", "agents/{id}/events"], { cp: everyone, pp: may("agent.view"), timeout: "none" }),
]

const work = [
  get(["tasks/{id}"], { cp: everyone, pp: may("report.view") }),
  post(["tasks"], { cp: { task: true }, pp: may("task.create"), cost: 10_000 }),
  post(["tasks/{id}/cancel"], { cp: everyone, pp: may("task.cancel") }),
  get(["budgets/agent/{id}", "budgets/platform"], {
    cp: everyone,
    pp: may("dashboard.view"),
    answeredBy: "gateway",
  }),
  get(["trials", "trials/{id}"], { cp: everyone, pp: may("customer.view") }),
  get(["trial-status", "trial-status/by-subscription/{id}"], { cp: pinQuery, pp: may("customer.view") }),
  post(["trials"], { cp: everyone, pp: may("customer.manage") }),
]

const catalogue = [
  // "industry.manage or agent.view" is agent.view: every role that has the first has the second.
  get(
    ["genesis/skills", "genesis/skills/{id}", "genesis/job-roles", "genesis/job-roles/{id}", "skills/{id}"],
    { cp: everyone, pp: may("agent.view") },
  ),
  post(["genesis/skills", "genesis/job-roles", "genesis/skills/{id}/certify"], {
    pp: may("industry.manage"),
  }),
  get(["catalog/agents", "catalog/agents/{id}", "catalog/releases", "agent-types", "agent-types/{id}"], {
    cp: everyone,
    pp: may("agent.view"),
  }),
]

const hiredAgents = [
  get(["hired-agents/**"], { cp: everyone, pp: may("agent.view") }),
  rows(["POST", "PUT"], ["hired-agents/**"], { cp: everyone, pp: may("agent.update") }),
  // Pinned for the other writing methods and, below, for longer paths: `hired-agents/**` would serve them unpinned.
  rows(["POST", "PUT"], ["hired-agents/draft", "hired-agents/{id}/finalize"], {
    cp: pinBody,
    pp: may("agent.update"),
  }),
  get(["hired-agents/by-subscription/{id}"], { cp: pinQuery, pp: may("agent.view") }),
  rows(["POST", "PUT"], ["hired-agents/by-subscription/{id}"], { cp: pinQuery, pp: may("agent.update") }),
  get(["hired-agents/by-customer/{customer_id}", "hired-agents/by-customer/{customer_id}/**"], {
    cp: pinCustomer,
    pp: may("agent.view"),
  }),
  rows(
    ["POST", "PUT"],
    ["hired-agents/by-customer/{customer_id}", "hired-agents/by-customer/{customer_id}/**"],
    { cp: pinCustomer, pp: may("agent.update") },
  ),
  post(["hired-agents/{id}/pause", "hired-agents/{id}/resume", "hired-agents/{id}/emergency-stop"], {
    cp: everyone,
    pp: may("agent.update"),
  }),
]

const customers = [
  get(["customers", "customers/{id}"], { pp: may("customer.view") }),
  post(["customers"], { pp: may("customer.manage") }),
  rows(["PUT", "PATCH"], ["customers/{id}"], { pp: may("customer.manage") }),
  del(["customers/{id}", "customers/{id}/erase"], {
    cp: { action: "customer.delete", pin: inPath("id") },
    pp: may("user.delete"),
  }),
  post(["customers/{id}/force-cancel"], { pp: may("subscription.force_cancel") }),
  get(["customers/{id}/data/export"], {
    cp: { action: "data.export", pin: inPath("id") },
    pp: may("customer.manage"),
    cost: 50_000,
  }),
]

const billing = [
  get(["invoices/**", "receipts/**"], {
    cp: { pin: { in: "query" }, closedToTrials: true },
    pp: may("billing.manage"),
  }),
  post(["invoices/**"], { cp: { closedToTrials: true }, pp: may("billing.manage") }),
  rows(["PUT", "PATCH"], ["billing"], {
    cp: { action: "billing.update", closedToTrials: true },
    pp: may("billing.manage"),
  }),
  rows(["PUT", "PATCH"], ["subscription"], {
    cp: { action: "subscription.change", closedToTrials: true },
    pp: may("subscription.update"),
  }),
  post(["billing/credit-proposals/approve"], { pp: may("billing.approve_credit") }),
  post(["subscriptions"], { cp: { closedToTrials: true }, pp: may("subscription.create") }),
  get(["payments/subscriptions/by-customer/{customer_id}"], { cp: pinCustomer, pp: may("customer.view") }),
  post(["payments/subscriptions/{id}/cancel"], { cp: pinQuery, pp: may("subscription.cancel") }),
  post(["payments/coupon/checkout", "payments/razorpay/order", "payments/razorpay/confirm"], { cp: pinBody }),
]

const operations = [
  post(["users/{id}/roles"], { pp: may("user.assign_role") }),
  del(["users/{id}"], { pp: may("user.delete") }),
  get(["dashboard"], { cp: everyone, pp: may("dashboard.view") }),
  get(["reports", "reports/{id}"], { cp: everyone, pp: may("report.view") }),
  get(["sla/breaches"], { pp: may("sla.view_breaches") }),
  post(["incidents"], { pp: may("incident.create") }),
  post(["tickets"], { cp: everyone, pp: may("ticket.create") }),
  patch(["tickets/{id}"], { cp: everyone, pp: may("ticket.update") }),
  post(["tickets/{id}/resolve"], { pp: may("ticket.resolve") }),
  put(["infrastructure/config"], { pp: may("infrastructure.configure") }),
  put(["monitoring/config"], { pp: may("monitoring.configure") }),
  put(["system/config"], { pp: may("system.configure") }),
  post(["infrastructure/deploy"], { pp: may("infrastructure.deploy") }),
  rows(["GET", "POST"], ["admin/db/**"], { pp: may("database.access") }),
]

const sockets = [
  get(["/ws/agent/{id}", "/ws/approvals", "/ws/trial-progress"], {
    cp: everyone,
    upgrade: true,
    timeout: "none",
  }),
]

const identity = [
  post(
    [
      "auth/register",
      "auth/otp/start",
      "auth/otp/verify",
      "auth/google/verify",
      "auth/refresh",
      "auth/logout",
    ],
    signIn,
  ),
  get(["/api/auth/google/login", "/api/auth/google/callback"], signIn),
  get(["auth/me"], { cp: everyone, pp: anyRole }),
]

const gateway = [
  get(["/health", "/healthz", "/ready", "/openapi.json", "/docs"], {
    answeredBy: "gateway",
    public: true,
    portalless: true,
    cp: everyone,
    pp: anyRole,
  }),
  // The admin API asks for its own permissions (SPEC 18), one resource at a time.
  rows(["GET", "POST", "PUT", "PATCH", "DELETE"], ["/_gateway/**"], { answeredBy: "gateway", pp: anyRole }),
  // A signed push from Google (SPEC 8), and a customer's ticket (SPEC 12).
  post(["/_gateway/billing/events", "/_gateway/ws/ticket"], {
    answeredBy: "gateway",
    pp: anyRole,
    ownAuthentication: true,
    limitedByAddress: true,
  }),
]

/** The route table, as data (ROUTES.md): the one place that says what the gateway fronts. */
export const table: ReadonlyArray<Route> = [
  agents,
  work,
  catalogue,
  hiredAgents,
  customers,
  billing,
  operations,
  sockets,
  identity,
  gateway,
].flat(2)
