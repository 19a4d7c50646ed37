import type { Slug } from "../http/Problems.ts"
import type { Route } from "../http/Routes.ts"
import type { PortalId } from "../portals/Portal.ts"

/** What the documentation says of a route on one portal, beside its method and path. */
export interface RouteFacts {
  /** Unique within a portal. */
  readonly operationId: string
  /** The first segment after `/api/v1`. */
  readonly tag: string
  readonly summary: string
  readonly description: string
  /** Vendor extensions, `x-gateway-*`. */
  readonly extensions: Readonly<Record<string, unknown>>
  /** Every problem that the gateway itself can answer with once the route is known; the backend has its own. */
  readonly problems: ReadonlyArray<Slug>
}

/** Reads a route of the table as it applies on a portal (SPEC 2 to 8). */
export const factsOf = (route: Route, portal: PortalId | undefined): RouteFacts => {
  const view: View = {
    ...route,
    needsToken: !route.public && route.ownAuthentication !== true,
    cp: portal === "CP" ? (route.cp ?? {}) : {},
    permission: portal === "PP" ? route.pp?.permission : undefined,
    portal,
  }
  const said = clauses.filter((clause) => clause.when(view))
  const limits = said.flatMap((clause) => clause.limit ?? [])
  const path = route.template.replace(/^\/(api\/(v1\/)?)?/, "").replace("**", "{rest}")
  return {
    operationId: `${route.method.toLowerCase()}_${path.match(/\w+/g)?.join("_")}`,
    tag: route.portalless === true ? "gateway" : path.split("/", 1).join().replace(/^_/, ""),
    summary: `${verb(route)} ${path}`,
    description: said.flatMap((clause) => clause.says?.(view) ?? []).join(" "),
    extensions: {
      "x-gateway-cost-micro-dollars": route.cost,
      ...(view.permission === undefined ? {} : { "x-gateway-permission": view.permission }),
      ...(view.cp.action === undefined ? {} : { "x-gateway-action": view.cp.action }),
      ...(limits.length === 0 ? {} : { "x-gateway-limits": limits }),
    },
    problems: [...new Set(said.flatMap((clause) => clause.problems ?? []))],
  }
}

const verb = ({ method, upgrade, timeout }: Route): string =>
  upgrade ? "Connect to" : timeout === "none" ? "Follow" : verbs[method]

const verbs = { GET: "Read", POST: "Post to", PUT: "Replace", PATCH: "Change", DELETE: "Delete" } as const

/** A route with what only one portal asks of it left out on the other. */
interface View extends Omit<Route, "pp"> {
  readonly portal: PortalId | undefined
  readonly needsToken: boolean
  readonly cp: NonNullable<Route["cp"]>
  readonly permission: string | undefined
}

/** One rule of the gateway: where it holds, and what it means to a caller. */
interface Clause {
  readonly when: (route: View) => boolean
  readonly says?: (route: View) => string
  readonly limit?: string
  readonly problems?: ReadonlyArray<Slug>
}

/** In the order in which a request meets them. */
const clauses: ReadonlyArray<Clause> = [
  { when: () => true, problems: ["bad-request", "internal-server-error"] },
  { when: ({ method }) => method !== "GET", problems: ["payload-too-large"] },
  { when: ({ upgrade }) => upgrade, problems: ["upgrade-required", "websocket-limit"] },
  {
    when: ({ limitedByAddress }) => limitedByAddress,
    says: () => "Requests are limited per client address.",
    limit: "requests per client address and minute",
    problems: ["too-many-requests"],
  },
  {
    when: ({ needsToken }) => needsToken,
    limit: "requests per customer or user and hour",
    problems: [
      "too-many-requests",
      "unauthorized",
      "invalid-token-format",
      "token-expired",
      "invalid-token",
      "token-revoked",
      "token-version-mismatch",
      "service-unavailable",
    ],
  },
  {
    when: ({ ownAuthentication }) => ownAuthentication === true,
    says: () => "Takes a credential of its own instead of a portal's token.",
    problems: ["unauthorized", "invalid-token", "service-unavailable"],
  },
  {
    when: ({ permission }) => permission !== undefined,
    says: ({ permission }) => `Needs the permission \`${permission}\`.`,
    problems: ["permission-denied"],
  },
  {
    when: ({ portal, needsToken, permission, answeredBy }) =>
      portal === "PP" && needsToken && permission === undefined && answeredBy === "gateway",
    says: () => "Each resource needs a permission of its own.",
    problems: ["permission-denied"],
  },
  {
    when: ({ portal, needsToken }) => portal === "CP" && needsToken,
    problems: ["trial-expired", "trial-suspended"],
  },
  {
    when: ({ cp }) => cp.closedToTrials === true,
    says: () => "Closed to trials.",
    problems: ["permission-denied"],
  },
  {
    when: ({ cp }) => cp.task === true,
    says: () => "Counts against a trial's tasks of the day.",
    limit: "tasks per trial customer and UTC day",
    problems: ["trial-limit-exceeded"],
  },
  {
    when: ({ cp }) => cp.action !== undefined,
    says: ({ cp }) =>
      `Needs a Governor, or a Governor's approval of \`${cp.action}\` named in the header \`X-Approval-Id\`.`,
    problems: ["approval-required"],
  },
  {
    when: ({ cp }) => cp.pin !== undefined,
    says: ({ cp: { pin } }) =>
      `The customer in the ${pin?.in} is set from the token, whatever the request says.`,
  },
  { when: ({ cost }) => cost > 0, problems: ["budget-exceeded"] },
  { when: ({ answeredBy }) => answeredBy === "upstream", problems: ["bad-gateway", "service-unavailable"] },
  {
    when: ({ answeredBy, timeout }) => answeredBy === "upstream" && timeout === "default",
    problems: ["gateway-timeout"],
  },
]
