import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { HttpClientRequest, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import * as AdminRoutes from "../../src/admin/AdminRoutes.ts"
import { ConstitutionalContext, type Identity } from "../../src/auth/ConstitutionalContext.ts"
import type { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import type { FlagFeed } from "../../src/flags/FlagFeed.ts"
import type { FlagStore } from "../../src/flags/FlagStore.ts"
import { Exchange, type ExchangeShape } from "../../src/http/Exchange.ts"
import type { Problem } from "../../src/http/Problems.ts"
import { RequestIds } from "../../src/http/RequestIds.ts"
import type { UpstreamUrls } from "../../src/http/Upstreams.ts"
import type { Approvals } from "../../src/policy/Approvals.ts"
import { Shadow } from "../../src/policy/Shadow.ts"
import type { ShadowReport } from "../../src/policy/ShadowReport.ts"
import { staff as anyStaff } from "../auth/Identities.ts"
import { configured } from "../auth/World.ts"
import { MemoryFlags } from "../flags/MemoryFlags.ts"
import { embeddedApprovals } from "../policy/StagesUnderTest.ts"
import { breakers } from "../rollback/World.ts"
import { flagsWorld, withDirect } from "./FlagsWorld.ts"

interface Asked {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** With its query. */
  readonly path: string
  /** Sent as JSON, or as it stands when it is text. */
  readonly body?: unknown
  readonly contentType?: string
}
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly json: Readonly<Record<string, unknown>>
}

/** The admin API as the endpoint mounts it, behind a pipeline that knows who calls. */
export class Admin extends Context.Service<
  Admin,
  { readonly ask: (caller: Identity | undefined, asked: Asked) => Effect.Effect<Answer, Problem> }
>()("test/admin/Admin") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const router = yield* HttpRouter.toHttpEffect(AdminRoutes.layer)
      return {
        ask: (caller, asked) => {
          const { method = "GET", path } = asked
          // What the admin API reads of it.
          const read = { method, path: path.split("?", 1).join(), facts: new Map() }
          const exchange = read as unknown as ExchangeShape
          const known =
            caller === undefined ? router : ConstitutionalContext.provide(exchange, caller)(router)
          return RequestIds.provide(
            exchange,
            ids,
          )(known).pipe(
            Effect.catchTag("HttpServerError", Effect.die),
            Effect.flatMap(answerOf),
            Effect.provideService(Exchange, exchange),
            Effect.provideService(HttpServerRequest.HttpServerRequest, requestOf(asked)),
            Effect.scoped,
          )
        },
      }
    }),
  )
}

/** What every request of the tests is called on record. */
export const correlationId = "correlation-of-the-request"
const ids = { correlationId, causationId: "c", requestId: "r", traceparent: "t" }

/** With a body that comes in pieces, as a socket's does. */
const requestOf = ({ method = "GET", path, body, contentType = "application/json" }: Asked) => {
  const request = HttpClientRequest.make(method)(path)
  if (body === undefined) return HttpServerRequest.fromClientRequest(request)
  const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body))
  const pieces = Stream.fromIterable([bytes.subarray(0, 7), bytes.subarray(7)])
  return HttpServerRequest.fromClientRequest(HttpClientRequest.bodyStream(request, pieces, { contentType }))
}

const answerOf = (response: HttpServerResponse.HttpServerResponse) =>
  Effect.promise(async (): Promise<Answer> => {
    const { status, headers, body } = response
    assert.strictEqual(body._tag, "Uint8Array", "an answer of one piece, which the listener can write")
    return { status, headers, json: JSON.parse(await HttpServerResponse.toWeb(response).text()) }
  })

/** A member of staff; with an agent to govern through, an admin is a Governor. */
export const staff = (
  userId: string,
  roles: ReadonlyArray<string>,
  governorAgentId = Option.none<string>(),
): Identity =>
  anyStaff({
    userId,
    roles,
    governorAgentId,
    isGovernor: roles.includes("admin") && Option.isSome(governorAgentId),
  })
export const governor = staff("governor-1", ["admin"], Option.some("governor-agent-1"))
export const admin = staff("admin-1", ["admin"])
export const engineer = staff("engineer-1", ["infrastructure_engineer"])
export const others = [
  "subscription_manager",
  "agent_orchestrator",
  "helpdesk_agent",
  "industry_manager",
  "viewer",
].map((role) => staff(`${role}-1`, [role]))

/**
 * The admin API over the real ports; approvals in a PostgreSQL of this process, which starts with the first question,
 * flags and the rollout in memory.
 */
export const world = <E = never>(
  setup: {
    readonly approvals?: Layer.Layer<Approvals, E>
    readonly flags?: Layer.Layer<FlagStore | FlagFeed>
    readonly urls?: Layer.Layer<UpstreamUrls>
    readonly shadow?: Layer.Layer<Shadow | ShadowReport, never, GatewayConfig>
    readonly env?: Readonly<Record<string, string>>
  } = {},
) =>
  Admin.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        setup.approvals ?? embeddedApprovals,
        setup.shadow ?? Shadow.layerOff,
        WasmPolicyEngine.layer,
        setup.urls ?? withDirect,
        flagsWorld(setup.flags ?? MemoryFlags.layer).pipe(Layer.provideMerge(breakers())),
      ),
    ),
    Layer.provideMerge(configured(setup.env)),
  )
