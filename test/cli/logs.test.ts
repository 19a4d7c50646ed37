import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { serveGateway } from "../GatewayProcess.ts"
import { startCollector } from "../layers/telemetry/Collector.ts"
import { send } from "../Wire.ts"
import { until } from "../Until.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const failing = {
  path: "/cp/api/auth/google/login?secret=1",
  headers: { "x-correlation-id": "mine", traceparent: `00-${traceId}-b7ad6b7169203331-01` },
}
const nowhere = { PLANT_API_URL: "http://127.0.0.1:1" }

describe.concurrent("a line that is written while a request is handled", { timeout: 60_000 }, () => {
  it.live.each([
    ["without a collector", false],
    ["with a collector", true],
  ] as const)("names the request and its trace, %s", ([, exported]) =>
    Effect.gen(function* () {
      const collector = yield* startCollector
      const gateway = yield* serveGateway({
        ...nowhere,
        ...(exported ? { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } : {}),
      })
      const answer = yield* send(gateway.port, failing)
      assert.strictEqual(answer.status, 502)
      const lines = () => gateway.logs().filter(({ level }) => level === "ERROR")
      yield* until(() => lines().length > 0)
      yield* gateway.signal("SIGTERM")
      assert.strictEqual(yield* gateway.exited, 0)
      assert.lengthOf(lines(), 1)
      const [line] = lines()
      assert.deepInclude(line, { correlation_id: "mine", trace_id: traceId })
      assert.match(String(line?.["message"]), /^bad-gateway: /)
      assert.match(String(line?.["timestamp"]), /^\d{4}-\d\d-\d\dT/)
      // What the caller in production never sees, the operator does.
      assert.include(String(line?.["cause"]), "ECONNREFUSED")
      assert.notInclude(JSON.stringify(line), "secret")
    }),
  )
})
