import type { ServerResponse } from "node:http"

/** The answer that every rung must deliver: about 1 kB of JSON. */

const agent = (index: number) => ({
  id: `agent-${index}`,
  name: `Content agent ${index}`,
  industry: "marketing",
  status: "available",
  rating: 4.5,
  hourly_rate_inr: 1200 + index,
  skills: ["seo", "copywriting", "social"],
})

export const requestPath = "/api/v1/agents"

export const body = JSON.stringify({ items: [1, 2, 3, 4, 5, 6].map(agent), total: 6, next: null })

const bytes = Buffer.from(body)

/** Header names and values, flat, as `writeHead` takes them. */
const headers = [
  ["content-type", "application/json; charset=utf-8"],
  ["content-length", String(bytes.length)],
  ["cache-control", "no-store"],
  ["x-request-cost", "1"],
  ["x-served-by", "bench-upstream"],
].flat()

/** Writes the answer to a node:http response. */
export const writeAnswer = (response: ServerResponse): void => {
  response.writeHead(200, headers)
  response.end(bytes)
}
