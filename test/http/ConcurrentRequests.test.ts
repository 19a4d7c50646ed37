import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Readable } from "node:stream"
import { startGateway } from "../GatewayUnderTest.ts"
import type { Answer, Sent } from "../Wire.ts"

/** What is sent, and whether the answer is the one to it. */
type Case = readonly [sent: Sent, fits: (answer: Answer) => boolean]

const echoOf = (answer: Answer) => answer.json()["echo"] as { readonly url: string; readonly body: string }

const caseOf = (index: number, authorization: string): Case => {
  const headers = { authorization, "x-correlation-id": `request-${index}` }
  const text = `body ${index} ${"x".repeat(index * 100)}`
  switch (index % 6) {
    case 0:
      return [
        { path: `/cp/api/v1/agents?n=${index}`, headers },
        (answer) => answer.status === 200 && echoOf(answer).url.endsWith(`?n=${index}`),
      ]
    case 1:
      return [
        { method: "POST", path: "/cp/api/v1/tasks", headers, body: text },
        (answer) => answer.status === 201 && echoOf(answer).body === text,
      ]
    case 2:
      return [
        { method: "POST", path: "/cp/api/v1/tasks", headers, body: Readable.from([text, text]) },
        (answer) => answer.status === 201 && echoOf(answer).body === text + text,
      ]
    case 3:
      return [
        { method: "HEAD", path: "/cp/api/v1/agents", headers },
        (answer) => answer.status === 200 && answer.body === "",
      ]
    case 4:
      return [{ path: `/cp/nowhere-${index}`, headers }, (answer) => answer.status === 404]
    default:
      return [
        { path: "/cp/api/v1/agents", headers: { "x-correlation-id": `request-${index}` } },
        (answer) => answer.status === 401,
      ]
  }
}

it.live.each([
  ["on connections of their own", "128"],
  ["over few connections to Plant", "3"],
] as const)("a hundred requests at once each get their own answer: %s", ([, connections]) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway({ env: { PLANT_CONNECTIONS: connections } })
    const authorization = `Bearer ${yield* gateway.token("CP")}`
    const outcomes = yield* Effect.forEach(
      Array.from({ length: 100 }, (_, index) => index),
      (index) => {
        const [sent, fits] = caseOf(index, authorization)
        return Effect.map(
          gateway.send(sent),
          (answer) => fits(answer) && answer.headers["x-correlation-id"] === `request-${index}`,
        )
      },
      { concurrency: "unbounded" },
    )
    assert.deepStrictEqual(
      outcomes.filter((fits) => !fits),
      [],
    )
  }),
)
