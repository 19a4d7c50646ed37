import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Pin, Route } from "../../src/http/Routes.ts"
import { table } from "../../src/http/RouteTable.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import type { Sent } from "../Wire.ts"

const foreign = "customer-2"
/** Longer than the other, so that a length that is not computed anew shows. */
const own = "customer-number-1"

const pinned = table.flatMap((route) => {
  const pin = route.cp?.pin
  return pin === undefined ? [] : [{ name: `${route.method} ${route.template}`, route, pin }]
})

/** A request that names another customer wherever the route can. */
const foreignRequest = ({ method, template }: Route, pin: Pin): Sent => {
  const path = template
    .split("/")
    .map((segment) => {
      if (segment === "**") return "rest/of-it"
      if (!segment.startsWith("{")) return segment
      return pin.in === "path" && segment === `{${pin.param}}` ? foreign : "x-1"
    })
    .join("/")
  const body = JSON.stringify({ customer_id: foreign, amount: 12.5 })
  return {
    method,
    path: `${path}?a=1&customer_id=${foreign}`,
    headers: { "content-type": "application/json", "content-length": String(body.length) },
    body,
  }
}

const ask = Effect.fnUntraced(function* (
  gateway: GatewayUnderTest,
  portal: "CP" | "PP",
  { path, headers, ...sent }: Sent,
) {
  // Some of the routes need an approval of whoever is no Governor.
  const token = yield* gateway.token(portal, portal === "CP" ? { customerId: own, roles: ["governor"] } : {})
  const answer = yield* gateway.send({
    ...sent,
    path: `/${portal.toLowerCase()}${path}`,
    headers: { ...headers, authorization: `Bearer ${token}` },
  })
  // The demo Plant echoes what reached it.
  const echo = answer.json()["echo"] as { readonly url: string; readonly body: string } | undefined
  return { status: answer.status, url: echo?.url ?? "", body: echo?.body ?? "" }
})

describe("the customer that a request names", () => {
  it("is pinned in the query, in the path and in the body of some routes each", () => {
    assert.includeMembers(
      pinned.map(({ pin }) => pin.in),
      ["query", "path", "body"],
    )
  })

  it.live.each(pinned)("is the token's own: $name", ({ route, pin }) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const { url, body, status } = yield* ask(gateway, "CP", foreignRequest(route, pin))
      assert.isBelow(status, 300)
      const [path, search] = url.split("?")
      switch (pin.in) {
        case "query":
          assert.strictEqual(search, `a=1&customer_id=${own}`)
          break
        case "path":
          assert.include(path?.split("/") ?? [], own)
          assert.notInclude(path, foreign)
          break
        case "body":
          assert.deepStrictEqual(JSON.parse(body), { amount: 12.5, customer_id: own })
      }
    }),
  )

  it.live.each(pinned.filter(({ route }) => route.pp !== undefined))(
    "is as staff say: $name",
    ({ route, pin }) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway()
        const sent = foreignRequest(route, pin)
        const { url, body } = yield* ask(gateway, "PP", sent)
        assert.strictEqual(url, sent.path)
        assert.strictEqual(body, sent.body)
      }),
  )
})
