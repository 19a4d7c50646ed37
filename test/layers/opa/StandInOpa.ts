import { ConfigProvider, Effect, Layer } from "effect"
import type { ServerResponse } from "node:http"
import * as OpaPolicyEngine from "../../../layers/opa/PolicyEngine.ts"
import { loadWasmPolicy } from "../../../layers/wasm/CompiledPolicy.ts"
import { GatewayConfig } from "../../../src/config/GatewayConfig.ts"
import { type DependencyStatus, Lifecycle } from "../../../src/http/Lifecycle.ts"
import type { DecisionRequest } from "../../../src/policy/Decision.ts"
import { startHttpServer } from "../../HttpServer.ts"
import { startRelay, type TcpRelay } from "../../TcpRelay.ts"
import { untilSeen } from "../../Until.ts"
import { compiledPolicy } from "../wasm/Compiled.ts"

/** Answers one query; the requests of a health check are none. */
export type Conduct = (requests: ReadonlyArray<DecisionRequest>, response: ServerResponse) => void

/** A server that speaks as OPA does, by the compiled policy, and that misbehaves when it is told to. */
export interface StandInOpa {
  readonly url: string
  /** How many requests each query had, in the order in which they came; health checks are left out. */
  readonly queries: ReadonlyArray<number>
  /** As OPA answers. */
  readonly honest: Conduct
  readonly conduct: (conduct: Conduct) => void
  /** Connections that it has. */
  readonly connections: Effect.Effect<number>
  readonly network: Pick<TcpRelay, "hang" | "vanish" | "heal">
}

export const respond = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
}

export const startStandInOpa = Effect.gen(function* () {
  const policy = yield* loadWasmPolicy(compiledPolicy)
  const queries: Array<number> = []
  const honest: Conduct = (requests, response) =>
    respond(response, {
      result: { decisions: requests.map(policy.evaluate), revision: policy.revision },
    })
  let current = honest
  const { server, url } = yield* startHttpServer((request, response) => {
    let body = ""
    request
      .setEncoding("utf8")
      .on("data", (text: string) => (body += text))
      .on("end", () => {
        const asked = `${request.method} ${request.url}`
        if (asked === "GET /health") return respond(response, {})
        if (asked !== "POST /v1/data/gateway/batch") return respond(response, {}, 404)
        const { requests } = JSON.parse(body).input
        if (requests.length > 0) queries.push(requests.length)
        current(requests, response)
      })
  })
  const network = yield* startRelay(url)
  const standIn: StandInOpa = {
    url: `http://127.0.0.1:${network.port}`,
    queries,
    honest,
    conduct: (conduct) => {
      current = conduct
    },
    connections: Effect.callback((resume) => {
      server.getConnections((_, count) => resume(Effect.succeed(count)))
    }),
    network,
  }
  return standIn
})

/** The engine over servers, with what it says of them in `/ready`. */
export const overServers = (urls: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  OpaPolicyEngine.layer.pipe(
    Layer.provideMerge(Lifecycle.layer),
    Layer.provide(GatewayConfig.layer),
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromEnv({ env: { OPA_LAYER: "http", OPA_URLS: urls.join(","), ...env } }),
      ),
    ),
  )

/** Waits until `/ready` says this of the servers, and gives its lines. */
export const untilStanding = (...statuses: ReadonlyArray<DependencyStatus["status"]>) =>
  untilSeen(
    Lifecycle.use(({ dependencies }) => dependencies),
    (lines) => lines.every(({ status }, index) => status === statuses[index]),
  )
