/** What the demo Plant knows: a handful of everything, enough to look real. */

type Item = Readonly<Record<string, unknown>> & { readonly id: string }

const agents: ReadonlyArray<Item> = [
  { id: "agent-genesis", name: "Genesis Agent", industry: "platform", status: "running", skills: 5 },
  {
    id: "agent-marketing",
    name: "Content Marketing Agent",
    industry: "marketing",
    status: "running",
    skills: 2,
  },
  { id: "agent-tutor", name: "Math Tutor Agent", industry: "education", status: "paused", skills: 1 },
]

const skills: ReadonlyArray<Item> = [
  { id: "skill-python", name: "Python", certified: true },
  { id: "skill-sales", name: "Sales", certified: true },
  { id: "skill-math", name: "Math", certified: false },
]

/** Lists, by their path under `/api/v1`. */
export const collections: Readonly<Record<string, ReadonlyArray<Item>>> = {
  agents,
  "catalog/agents": agents,
  "agents/{id}/skills": skills,
  "genesis/skills": skills,
  skills,
  "genesis/job-roles": [
    { id: "role-writer", name: "Content Writer", skills: ["skill-sales"] },
    { id: "role-tutor", name: "Tutor", skills: ["skill-math"] },
  ],
  "catalog/releases": [{ id: "release-12", agent_id: "agent-marketing", version: "1.2.0" }],
  "agent-types": [{ id: "type-marketing", name: "Marketing", monthly_usd: 120 }],
  "hired-agents": [
    { id: "hired-1", agent_id: "agent-marketing", customer_id: "customer-1", status: "active" },
  ],
  tasks: [{ id: "task-1", agent_id: "agent-marketing", status: "done" }],
  trials: [{ id: "trial-1", agent_id: "agent-tutor", status: "active", days_left: 5 }],
  customers: [
    { id: "customer-1", name: "Bright Ideas Ltd", plan: "paid" },
    { id: "customer-2", name: "Corner Shop", plan: "trial" },
  ],
  invoices: [{ id: "invoice-1", customer_id: "customer-1", amount_usd: 120, status: "paid" }],
  receipts: [{ id: "receipt-1", invoice_id: "invoice-1", amount_usd: 120 }],
  reports: [{ id: "report-1", title: "Work done in January", tasks: 31 }],
  tickets: [{ id: "ticket-1", subject: "Agent is slow", status: "open" }],
}

/** Answers that are no list and no item of one, by method and template. */
export const answers: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "GET /health": { status: "ok" },
  "GET /api/v1/agents/{id}/logs": { lines: ["started", "task task-1 done"] },
  "GET /api/v1/trial-status": { status: "active", days_left: 5, tasks_today: 3 },
  "GET /api/v1/trial-status/by-subscription/{id}": { status: "active", days_left: 5, tasks_today: 3 },
  "GET /api/v1/hired-agents/**": { hired_agents: collections["hired-agents"] },
  "GET /api/v1/invoices/**": { invoices: collections["invoices"] },
  "GET /api/v1/receipts/**": { receipts: collections["receipts"] },
  "GET /api/v1/customers/{id}/data/export": { files: ["profile.json", "tasks.json"], bytes: 20_480 },
  "GET /api/v1/payments/subscriptions/by-customer/{customer_id}": {
    subscriptions: [{ id: "subscription-1", plan: "paid", status: "active" }],
  },
  "POST /api/v1/payments/razorpay/order": { order_id: "order-1", amount_usd: 120 },
  "GET /api/v1/dashboard": { agents_running: 2, tasks_today: 14, spent_today_usd: 0.42 },
  "GET /api/v1/sla/breaches": { breaches: [{ id: "breach-1", ticket_id: "ticket-1", minutes_over: 12 }] },
  "GET /api/v1/admin/db/**": { tables: ["agents", "customers", "tasks"] },
  "POST /api/v1/auth/otp/start": { sent: true, expires_in_seconds: 300 },
  "POST /api/v1/auth/logout": { signed_out: true },
  "GET /api/auth/google/login": { authorization_url: "https://accounts.google.com/o/oauth2/v2/auth" },
  "GET /api/v1/auth/me": { email: "someone@example.com", name: "Someone" },
}
