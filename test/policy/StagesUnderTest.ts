import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { IncomingMessage, ServerResponse } from "node:http"
import { Socket } from "node:net"
import * as MemoryTrialTasks from "../../layers/memory/TrialTasks.ts"
import * as ApprovalsInPostgres from "../../layers/postgres/Approvals.ts"
import * as Database from "../../layers/postgres/Database.ts"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import { type AuditEvent, AuditLog } from "../../src/audit/AuditLog.ts"
import { ConstitutionalContext, type Identity } from "../../src/auth/ConstitutionalContext.ts"
import { Exchange, type ExchangeShape } from "../../src/http/Exchange.ts"
import { MatchedRoute } from "../../src/http/MatchedRoute.ts"
import { Problem } from "../../src/http/Problems.ts"
import { answered } from "../../src/http/Relay.ts"
import { RequestIds } from "../../src/http/RequestIds.ts"
import { findRoute, type Match } from "../../src/http/Routes.ts"
import type { App, Response, Stage } from "../../src/http/Stage.ts"
import type { Approvals } from "../../src/policy/Approvals.ts"
import type { Asking } from "../../src/policy/AskPolicy.ts"
import { Policy, type Verdict } from "../../src/policy/Policy.ts"
import { PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { PolicyStage } from "../../src/policy/PolicyStage.ts"
import type { TrialTasks } from "../../src/policy/TrialTasks.ts"
import { RbacStage } from "../../src/rbac/RbacStage.ts"
import { configured } from "../auth/World.ts"

/** A request as a stage gets it, over Node's own messages. */
export interface Asked {
  readonly identity: Identity
  readonly method?: string
  readonly path: string
  /** Names in lower case; a header may be sent several times. */
  readonly headers?: Readonly<Record<string, Array<string>>>
  /** Instead of the table's. */
  readonly match?: Match
}

export const askingOf = (asked: Asked): Asking => {
  const { identity, path, method = "GET", headers = {} } = asked
  const request = new IncomingMessage(new Socket())
  request.complete = true
  // As Node's parser leaves them.
  request.headersDistinct = headers
  for (const [name, values] of Object.entries(headers)) request.headers[name] = values.join(", ")
  const match = asked.match ?? findRoute(identity.portal, method, path)
  if (match instanceof Problem) return assert.fail(`${method} ${path}: ${match.detail}`)
  const exchange: ExchangeShape = {
    request,
    response: new ServerResponse(request),
    portal: identity.portal,
    method,
    requestedPath: path,
    path,
    search: "",
    match,
    client: { address: "127.0.0.1", protocol: "http", host: "gateway", forwardedFor: "127.0.0.1" },
    answerHeaders: new Map(),
    facts: new Map(),
  }
  const ids = { correlationId: "correlation-1", causationId: "c", requestId: "r", traceparent: "t" }
  return { exchange, identity, match, ids }
}

/** What stands inside the stages and answers with a value. */
export const answers = (status: number): App => Effect.succeed(HttpServerResponse.empty({ status }))

/** What has written its answer to the client, as the relay does. */
export const relays = (status: number): App<Exchange> =>
  Exchange.use(({ response }) =>
    Effect.sync(() => {
      response.writeHead(status)
      return answered
    }),
  )

type JudgingStage = Stage<never, Exchange | ConstitutionalContext | MatchedRoute | RequestIds>

/** Runs a stage over `app`, as the stages around it would. */
export const through = (stage: JudgingStage, asked: Asked, app: App<Exchange>) => {
  const { exchange, identity, match, ids } = askingOf(asked)
  ConstitutionalContext.provide(exchange, identity)
  MatchedRoute.provide(exchange, match)
  RequestIds.provide(exchange, ids)
  // The facts are established above, and no stage here reads the library's request or its scope.
  const judged = stage(app) as Effect.Effect<Response, Problem, Exchange>
  return { exchange, answer: Effect.provideService(judged, Exchange, exchange) }
}

/** Engines that decide by the real policies; the verdicts say of themselves what a test wants. */
export const policyFrom = (provenance: Pick<Verdict, "source" | "ageSeconds">) =>
  Layer.effect(
    Policy,
    Effect.map(PolicyEngine, ({ decide }) => ({
      decide: (request) =>
        Effect.map(Effect.orDie(decide(request)), (decision) => ({ decision, ...provenance })),
    })),
  ).pipe(Layer.provide(WasmPolicyEngine.layer), Layer.orDie)

/** The audit events of a test. */
const recordedIn = (events: Array<AuditEvent>) =>
  Layer.succeed(AuditLog, { record: (event) => Effect.sync(() => void events.push(event)) })

/** Approvals in a PostgreSQL of this process, which starts with the first question. */
export const embeddedApprovals = ApprovalsInPostgres.layer.pipe(Layer.provide(Database.layerEmbedded))

export interface Setup {
  readonly env?: Readonly<Record<string, string>>
  readonly policy?: Layer.Layer<Policy>
  readonly approvals?: Layer.Layer<Approvals>
  readonly tasks?: Layer.Layer<TrialTasks>
  readonly events?: Array<AuditEvent>
}

/** Both stages over real policies; what is left out is in memory or in this process. */
export const stages = (setup: Setup = {}) =>
  Layer.mergeAll(PolicyStage.layer, RbacStage.layer).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        setup.policy ?? policyFrom({ source: "engine", ageSeconds: 0 }),
        setup.approvals ?? embeddedApprovals,
        setup.tasks ?? MemoryTrialTasks.layer,
        recordedIn(setup.events ?? []),
        configured(setup.env),
      ),
    ),
  )
