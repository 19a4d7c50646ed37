import { Problem } from "../http/Problems.ts"
import { findRoute, type Match } from "../http/Routes.ts"
import { answers, collections } from "./DemoData.ts"

/** A status and the members of a JSON object. */
export interface DemoAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * The route of either portal that has this path. What only the gateway answers is 404, so that a request that should
 * never have come here shows; `/health` alone a backend has too.
 */
export const findDemoRoute = (method: string, path: string): Match | Problem => {
  const onCp = findRoute("CP", method, path)
  const found = onCp instanceof Problem ? findRoute("PP", method, path) : onCp
  if (found instanceof Problem || found.route.answeredBy === "upstream" || path === "/health") return found
  return new Problem({ slug: "not-found", detail: "The gateway answers this route, not Plant." })
}

/** What the demo Plant says to a request on a route of the table. */
export const answerTo = ({ route, params }: Match): DemoAnswer => {
  const known = answers[`${route.method} ${route.template}`]
  if (known !== undefined) return { status: 200, body: known }
  const path = route.template.replace("/api/v1/", "")
  return route.method === "GET" ? reading(path, params) : writing(route.method, path, params)
}

const reading = (path: string, params: Match["params"]): DemoAnswer => {
  const list = collections[path]
  if (list !== undefined) {
    const name = path.slice(path.lastIndexOf("/") + 1).replaceAll("-", "_")
    return { status: 200, body: { [name]: list, total: list.length } }
  }
  const id = Object.values(params).at(-1)
  const items = collections[path.slice(0, path.lastIndexOf("/"))] ?? []
  // An unknown id looks like the first item: callers try ids of their own.
  const item = items.find((candidate) => candidate.id === id) ?? items[0]
  return { status: 200, body: { ...item, ...params } }
}

const writing = (method: string, path: string, params: Match["params"]): DemoAnswer =>
  method === "POST" && path in collections
    ? { status: 201, body: { ...params, id: "new-1", created: true } }
    : { status: 200, body: { ...params, done: path.slice(path.lastIndexOf("/") + 1), ok: true } }
