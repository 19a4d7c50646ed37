import { assert } from "@effect/vitest"
import { type Slug, catalogue, typeBase } from "../src/http/Problems.ts"

/** The first answer in what a connection gave. */
export interface RawAnswer {
  readonly statusLine: string
  readonly status: number
  /** By lower-case name; the values of one name joined with a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** Everything after the head. */
  readonly rest: string
}

export const readAnswer = (received: string): RawAnswer => {
  const end = received.indexOf("\r\n\r\n")
  assert.isAbove(end, 0, `an answer has a head: ${JSON.stringify(received)}`)
  const [statusLine = "", ...lines] = received.slice(0, end).split("\r\n")
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return { statusLine, status: Number(statusLine.split(" ")[1]), headers, rest: received.slice(end + 4) }
}

/** The answer is a whole problem document of this kind; gives its members. */
export const assertProblem = (
  answer: {
    readonly status: number
    readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
    readonly body: string
  },
  slug: Slug,
): Readonly<Record<string, unknown>> => {
  const { status, title } = catalogue[slug]
  assert.strictEqual(answer.status, status, answer.body)
  assert.strictEqual(answer.headers["x-error-code"], slug.toUpperCase().replaceAll("-", "_"))
  const document: Record<string, unknown> = JSON.parse(answer.body)
  assert.strictEqual(document["type"], typeBase + slug)
  assert.strictEqual(document["title"], title)
  assert.strictEqual(document["status"], status)
  assert.isString(document["detail"])
  assert.isString(document["instance"])
  assert.strictEqual(document["correlation_id"], answer.headers["x-correlation-id"])
  return document
}

/** The connection gave one problem document of this kind, whole, said that it closes, and closed. */
export const assertOnlyProblem = (received: string, slug: Slug): Readonly<Record<string, unknown>> => {
  const answer = readAnswer(received)
  assert.match(answer.statusLine, /^HTTP\/1\.1 \d{3} [A-Z]/)
  assert.strictEqual(answer.headers["connection"], "close")
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  assert.strictEqual(answer.headers["content-length"], String(answer.rest.length))
  return assertProblem({ ...answer, body: answer.rest }, slug)
}
