import type { Action } from "../policy/Action.ts"
import type { PortalId } from "../portals/Portal.ts"
import type { Permission } from "../rbac/Permission.ts"
import { Problem } from "./Problems.ts"
import { table } from "./RouteTable.ts"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** Where a pinned route names the customer, so that it can be overwritten from the token (SPEC 13). */
export type Pin =
  | { readonly in: "query" } // ?customer_id=
  | { readonly in: "path"; readonly param: string }
  | { readonly in: "body" } // JSON member customer_id

/** What the route means on CP. `action` needs a Governor's approval; `task` counts against the trial limit. */
export interface CpRule {
  readonly action?: Action
  readonly task?: boolean
  readonly pin?: Pin
  readonly closedToTrials?: boolean
}
/** What the route needs on PP: a permission, or only a signed-in member of staff. It says which; there is no default. */
export type PpRule =
  | { readonly permission: Permission; readonly anyRole?: never }
  | { readonly anyRole: true; readonly permission?: never }

export interface Route {
  readonly method: Method
  /** Full path; `{x}` is one segment, a last `/**` the rest of the path (one segment or more). */
  readonly template: string
  readonly answeredBy: "upstream" | "gateway"
  /** Needs no token. */
  readonly public: boolean
  /** Its handler verifies a credential that is no portal's token; `Auth` leaves it to the handler. */
  readonly ownAuthentication?: true
  /** A WebSocket upgrade. */
  readonly upgrade: boolean
  /** Micro-dollars a request costs. */
  readonly cost: number
  /** `none` for streams that stay silent. */
  readonly timeout: "default" | "none"
  /** Limited per client address (the sign-in routes). */
  readonly limitedByAddress: boolean
  /** Served also where no portal is selected: health and documentation. */
  readonly portalless?: true
  /** Absent: not on this portal. */
  readonly cp?: CpRule
  readonly pp?: PpRule
}

export interface Match {
  readonly route: Route
  /** Raw (still encoded) segments by name; `**` holds the rest. */
  readonly params: Readonly<Record<string, string>>
}

/** The routes of a portal, or of no portal, in the order of the table. */
export const routesOf = (portal: PortalId | undefined): ReadonlyArray<Route> =>
  table.filter((route) =>
    portal === undefined ? route.portalless === true : (portal === "CP" ? route.cp : route.pp) !== undefined,
  )

/**
 * The route of a canonical path on a portal, or 404 `not-found`, or 405 `method-not-allowed` with `Allow` (SPEC 2).
 *
 * Templates match whole paths only. Where several match, the first differing segment decides: a literal before
 * `{x}`, and `{x}` before `/**`; a template that lacks the method leaves the path to the next one. HEAD is
 * answered by the GET route. An empty segment matches nothing.
 */
export const findRoute = (portal: PortalId | undefined, method: string, path: string): Match | Problem => {
  const { fixed, root } = compiled[portal ?? "none"]
  const asked = method === "HEAD" ? "GET" : method
  const hit = fixed.get(path)?.get(asked)
  if (hit !== undefined) return hit

  const segments = path.split("/")
  // What stands before the leading slash is empty; any other empty segment is no route's.
  if (segments[0] !== "" || segments.indexOf("", 1) !== -1) return notFound
  const candidates: Array<ByMethod> = []
  collect(root, segments, 1, candidates)
  for (const candidate of candidates) {
    const compiledRoute = candidate.get(asked)
    if (compiledRoute !== undefined) return matchOf(compiledRoute, segments)
  }
  return candidates.length === 0 ? notFound : methodNotAllowed(candidates)
}

interface CompiledRoute {
  readonly route: Route
  /** Names of the parameters, with the index of their segment. */
  readonly params: ReadonlyArray<readonly [name: string, index: number]>
}
type ByMethod = Map<string, CompiledRoute>

/** A place in the tree of segments. */
interface Node {
  readonly literals: Map<string, Node>
  param: Node | undefined
  /** Routes that end here. */
  readonly here: ByMethod
  /** Routes whose `/**` starts here. */
  readonly rest: ByMethod
}

interface CompiledTable {
  /** Templates without parameters, by path and method. */
  readonly fixed: Map<string, Map<string, Match>>
  readonly root: Node
}

const makeNode = (): Node => ({ literals: new Map(), param: undefined, here: new Map(), rest: new Map() })

const isParam = (segment: string): boolean => segment.startsWith("{")

const noParams = Object.freeze({})

const compile = (routes: ReadonlyArray<Route>): CompiledTable => {
  const fixed = new Map<string, Map<string, Match>>()
  const root = makeNode()
  for (const route of routes) {
    const segments = route.template.split("/")
    let node = root
    for (const segment of segments.slice(1)) if (segment !== "**") node = childOf(node, segment)
    const routesHere = segments.at(-1) === "**" ? node.rest : node.here
    const params = segments.flatMap((segment, index) => {
      const name = segment === "**" ? "**" : isParam(segment) ? segment.slice(1, -1) : undefined
      return name === undefined ? [] : [[name, index] as const]
    })
    routesHere.set(route.method, { route, params })
    if (params.length === 0) {
      const methods = fixed.get(route.template) ?? new Map<string, Match>()
      fixed.set(route.template, methods.set(route.method, { route, params: noParams }))
    }
  }
  return { fixed, root }
}

const childOf = (node: Node, segment: string): Node => {
  if (isParam(segment)) return (node.param ??= makeNode())
  const child = node.literals.get(segment) ?? makeNode()
  node.literals.set(segment, child)
  return child
}

/** All templates that match the segments from `index` on, the most specific first. */
const collect = (
  node: Node,
  segments: ReadonlyArray<string>,
  index: number,
  found: Array<ByMethod>,
): void => {
  const segment = segments[index]
  if (segment === undefined) {
    if (node.here.size > 0) found.push(node.here)
    return
  }
  const literal = node.literals.get(segment)
  if (literal !== undefined) collect(literal, segments, index + 1, found)
  if (node.param !== undefined) collect(node.param, segments, index + 1, found)
  if (node.rest.size > 0) found.push(node.rest)
}

const matchOf = (compiledRoute: CompiledRoute, segments: ReadonlyArray<string>): Match => {
  const params: Record<string, string> = {}
  for (const [name, index] of compiledRoute.params) {
    params[name] = name === "**" ? segments.slice(index).join("/") : (segments[index] ?? "")
  }
  return { route: compiledRoute.route, params }
}

// One object for each answer: a scanner that asks for a million wrong paths costs no stack trace each.
const notFound = new Problem({
  slug: "not-found",
  detail: "There is no such route. Paths are matched exactly.",
})

const notAllowed = new Map<string, Problem>()

const methodNotAllowed = (candidates: ReadonlyArray<ByMethod>): Problem => {
  const methods = new Set(candidates.flatMap((candidate) => [...candidate.keys()]))
  if (methods.has("GET")) methods.add("HEAD")
  const allow = [...methods].toSorted().join(", ")
  const known = notAllowed.get(allow)
  if (known !== undefined) return known
  const problem = new Problem({
    slug: "method-not-allowed",
    detail: `This path is served with ${allow}.`,
    headers: { allow },
  })
  notAllowed.set(allow, problem)
  return problem
}

const compiled = {
  CP: compile(routesOf("CP")),
  PP: compile(routesOf("PP")),
  none: compile(routesOf(undefined)),
}
