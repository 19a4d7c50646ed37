import { ConfigProvider, Context, Effect, Layer, Option } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import * as NothingHere from "../../src/admin/NothingHere.ts"
import * as Ofrep from "../../src/admin/Ofrep.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { type Cohort, cohortOf } from "../../src/flags/Cohort.ts"
import { allMiddleware, type Middleware } from "../../src/flags/CustomerFlags.ts"
import { FeatureFlags } from "../../src/flags/FeatureFlags.ts"
import { FlagStore } from "../../src/flags/FlagStore.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import * as Server from "../../src/http/Server.ts"
import { type FeedManner, MemoryFlags } from "../flags/MemoryFlags.ts"
import { send } from "../Wire.ts"

const listener = Server.AdminAddress.layer.pipe(
  Layer.provide(
    HttpRouter.serve(Layer.mergeAll(Ofrep.layer, NothingHere.layer), {
      disableLogger: true,
      disableListenLog: true,
    }),
  ),
  Layer.provide(Server.adminLayer(0)),
)

/**
 * The operators' listener with OFREP on it, on a free port, and the flags of a database in memory; it lives as long as
 * its scope.
 */
export const startOfrep = Effect.fnUntraced(function* (
  setup: {
    readonly env?: Readonly<Record<string, string>>
    /** From the start on. */
    readonly feed?: FeedManner
  } = {},
) {
  const database = Layer.effectDiscard(
    MemoryFlags.use(({ feedBecomes }) => feedBecomes(setup.feed ?? "answers")),
  ).pipe(Layer.provideMerge(MemoryFlags.layer))
  const context = yield* Layer.build(
    listener.pipe(
      Layer.provideMerge(FeatureFlags.layer),
      Layer.provideMerge(database),
      Layer.provide([KeptFlags.layerOff, Lifecycle.layer]),
      Layer.provide(GatewayConfig.layer),
      Layer.provide(
        ConfigProvider.layer(ConfigProvider.fromEnv({ env: { PORT: "0", ADMIN_PORT: "0", ...setup.env } })),
      ),
    ),
  )
  const { address } = Context.get(context, Server.AdminAddress)
  const { record, feedBecomes } = Context.get(context, MemoryFlags)
  const { write } = Context.get(context, FlagStore)
  const { refresh } = Context.get(context, FeatureFlags)
  let version = 0
  return {
    port: Number(new URL(HttpServer.formatAddress(address)).port),
    /** Gives the customer a row, or another. */
    row: (customerId: string, gatewayEnabled: boolean, middleware: Partial<Middleware> = {}) =>
      write({
        customerId,
        wanted: Option.some({
          gatewayEnabled,
          middleware: { ...allMiddleware, ...middleware },
          rolloutCohort: Option.some("canary_50pct"),
        }),
        expected: "any",
        by: "a test",
        reason: "a test",
      }).pipe(Effect.orDie, Effect.andThen(refresh)),
    /** Has a rollout that enrols so many by cohort. */
    rollout: (cohort: Cohort) =>
      record({
        state: "running",
        cohort: Option.some(cohort),
        automatic: false,
        step: 1,
        stepStartedAt: 0,
        updatedAt: 0,
        updatedBy: "a test",
        reason: "a test",
        version: ++version,
      }).pipe(Effect.andThen(refresh)),
    /** The database answers no more. */
    away: Effect.andThen(feedBecomes("fails"), refresh),
  }
})

/** A customer who is in this cohort and in none before it. */
export const customerIn = (cohort: Cohort): string => {
  for (let n = 0; ; n++) if (cohortOf(`customer-${n}`) === cohort) return `customer-${n}`
}

export const evaluations = "/ofrep/v1/evaluate/flags"

/** Evaluates one flag, or all without a key. */
export const evaluate = (
  port: number,
  key: string | undefined,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) =>
  send(port, {
    method: "POST",
    path: key === undefined ? evaluations : `${evaluations}/${key}`,
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  })

export const of = (targetingKey: unknown) => ({ context: { targetingKey } })
