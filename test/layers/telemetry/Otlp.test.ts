import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { type FlaggedSetup, notEnrolled, startFlagged } from "../../flags/FlaggedGateway.ts"
import { type GatewayUnderTest, lastHeader } from "../../GatewayUnderTest.ts"
import { startCollector } from "./Collector.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const parentId = "b7ad6b7169203331"

/** What a collector holds once a gateway that used it has stopped. */
const collected = (
  use: (gateway: GatewayUnderTest) => Effect.Effect<void>,
  rows: NonNullable<FlaggedSetup["rows"]> = {},
) =>
  Effect.gen(function* () {
    const collector = yield* startCollector
    const gateway = startFlagged({ rows, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
    yield* Effect.scoped(Effect.flatMap(gateway, use))
    return collector
  })

const request = {
  path: "/cp/api/v1/agents?secret=in-the-query",
  headers: { traceparent: `00-${traceId}-${parentId}-01`, "x-api-token": "in-a-header" },
}
const outer = "measure errors cors admission rate-limit auth customer-flags"

it.live.each([
  ["of a customer who is enrolled", {}, "plant", "rbac policy endpoint"],
  ["of one who is not", { "customer-1": notEnrolled }, "direct", "direct"],
] as const)(
  "a request %s is a span in the client's trace, with a span for each layer, each within the one around it",
  ([, rows, upstream, inner]) =>
    Effect.gen(function* () {
      let sentOn: string | undefined
      const { spans } = yield* collected(
        (gateway) =>
          Effect.gen(function* () {
            const authorization = `Bearer ${yield* gateway.token("CP")}`
            const answer = yield* gateway.send({ ...request, headers: { ...request.headers, authorization } })
            assert.strictEqual(answer.status, 200)
            sentOn = lastHeader(gateway[upstream], "traceparent")
          }),
        rows,
      )
      const ours = spans().filter((span) => span.traceId === traceId)
      const root = ours.find((span) => span.parentSpanId === parentId)
      assert.strictEqual(sentOn, `00-${traceId}-${root?.spanId}-01`)
      const layers = `${outer} ${inner}`.split(" ").map((name) => `gateway.${name}`)
      assert.sameMembers(
        ours.map(({ name }) => name).filter((name) => name.startsWith("gateway.")),
        layers,
      )
      const named = layers.map((name) => ours.find((span) => span.name === name))
      assert.deepStrictEqual(
        named.map((span) => span?.parentSpanId),
        [root, ...named.slice(0, -1)].map((around) => around?.spanId),
      )
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
