import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayUnderTest, startGateway } from "../../GatewayUnderTest.ts"
import { startCollector } from "./Collector.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const parentId = "b7ad6b7169203331"

/** What a collector holds once a gateway that used it has stopped. */
const collected = (use: (gateway: GatewayUnderTest) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const collector = yield* startCollector
    const gateway = startGateway({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
    yield* Effect.scoped(Effect.flatMap(gateway, use))
    return collector
  })

const request = {
  path: "/cp/api/v1/agents?secret=in-the-query",
  headers: { traceparent: `00-${traceId}-${parentId}-01`, "x-api-token": "in-a-header" },
}
const layers = "measure errors cors admission rate-limit auth rbac policy endpoint"
  .split(" ")
  .map((name) => `gateway.${name}`)

it.live(
  "a request is a span in the client's trace, with a span for each layer, each within the one around it",
  () =>
    Effect.gen(function* () {
      let sentOn: string | undefined
      const { spans } = yield* collected((gateway) =>
        Effect.gen(function* () {
          const authorization = `Bearer ${yield* gateway.token("CP")}`
          const answer = yield* gateway.send({ ...request, headers: { ...request.headers, authorization } })
          assert.strictEqual(answer.status, 200)
          sentOn = gateway.plant.requests.at(-1)?.rawHeaders.find(([name]) => name === "traceparent")?.[1]
        }),
      )
      const ours = spans().filter((span) => span.traceId === traceId)
      const root = ours.find((span) => span.parentSpanId === parentId)
      assert.strictEqual(sentOn, `00-${traceId}-${root?.spanId}-01`)
      const named = layers.map((name) => ours.find((span) => span.name === name))
      assert.deepStrictEqual(
        named.map((span) => span?.parentSpanId),
        [root, ...named.slice(0, -1)].map((around) => around?.spanId),
      )
      assert.notInclude(named, undefined)
    }),
)

it.live("the request's span has the status that the client saw, from Plant or from a refusal", () =>
  Effect.gen(function* () {
    const { spans } = yield* collected((gateway) =>
      Effect.gen(function* () {
        yield* gateway.send({ path: "/cp/api/auth/google/login", headers: request.headers })
        yield* gateway.send(request)
      }),
    )
    const statuses = spans()
      .filter((span) => span.parentSpanId === parentId)
      .map(({ attributes }) => attributes.find(({ key }) => key === "http.response.status_code")?.value)
    assert.sameDeepMembers(statuses, [{ intValue: 200 }, { intValue: 401 }])
  }),
)

it.live("no header and no value of a query goes to the collector", () =>
  Effect.gen(function* () {
    const { sentTo, spans } = yield* collected((gateway) =>
      Effect.gen(function* () {
        const authorization = `Bearer ${yield* gateway.token("CP")}`
        yield* gateway.send({ ...request, headers: { ...request.headers, authorization } })
      }),
    )
    assert.isNotEmpty(spans())
    const sent = sentTo("/v1/traces") + sentTo("/v1/logs")
    for (const secret of ["in-the-query", "in-a-header", "Bearer", "eyJ"]) assert.notInclude(sent, secret)
  }),
)
