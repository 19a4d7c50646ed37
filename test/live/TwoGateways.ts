import * as PgClient from "@effect/sql-pg/PgClient"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { Pool } from "undici"
import { type MintOptions, mint } from "../../src/auth/Mint.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { type Handler, startDemoPlant } from "../../src/demo/DemoPlant.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { serveGateway } from "../GatewayProcess.ts"
import { send } from "../Wire.ts"

const secrets = {
  JWT_SECRET_CP: "a-secret-for-tests-of-the-customers-portal",
  JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
}

/** A development token that every gateway of these tests accepts. */
export const token = (portal: PortalId, options?: MintOptions) =>
  mint(portal, options).pipe(
    Effect.provide(
      GatewayConfig.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: secrets })))),
    ),
    Effect.orDie,
  )

/** The backends, in this process, and the environment of gateways before them that share a database. */
export const startBackends = Effect.fnUntraced(function* (
  databaseUrl: string,
  handlers: { readonly plant?: Handler } = {},
) {
  const plant = yield* startDemoPlant("plant", handlers.plant)
  const direct = yield* startDemoPlant("plant-direct")
  return {
    plant,
    direct,
    env: {
      ...secrets,
      POSTGRES_LAYER: "pg",
      DATABASE_URL: databaseUrl,
      PLANT_API_URL: plant.url,
      PLANT_DIRECT_URL: direct.url,
      RATE_LIMIT_ENABLED: "false",
      LOG_LEVEL: "Warn",
    },
  }
})

/** Statements by hand, as an operator at a terminal would say them. */
export const byHand = (databaseUrl: string, statement: string) =>
  PgClient.PgClient.use((sql) => sql.unsafe(statement)).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(databaseUrl) })),
    Effect.orDie,
  )

/** A gateway, its readiness, and requests of customers over connections that stay. */
export const startGatewayProcess = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const gateway = yield* serveGateway(env)
  const pool = yield* Effect.acquireRelease(
    Effect.sync(() => new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 16 })),
    (open) => Effect.promise(() => open.destroy()),
  )
  return {
    ...gateway,
    /** Which backend answered a customer's request, or the status where none did. */
    ask: (bearer: string) =>
      Effect.promise(async () => {
        const { statusCode, body } = await pool.request({
          method: "GET",
          path: "/cp/api/v1/agents",
          headers: { authorization: `Bearer ${bearer}` },
        })
        const answer = await body.json()
        return statusCode === 200 && typeof answer === "object" && answer !== null && "upstream" in answer
          ? String(answer.upstream)
          : String(statusCode)
      }),
    /** A dependency's line in `/ready`. */
    dependency: (name: string) =>
      send(gateway.adminPort, { path: "/ready" }).pipe(
        Effect.map(({ body }) => {
          const { dependencies } = JSON.parse(body) as {
            // As src/http/Health.ts writes them.
            readonly dependencies: ReadonlyArray<Readonly<Record<"name" | "status" | "detail", string>>>
          }
          return dependencies.find((line) => line.name === name)
        }),
      ),
  }
})
export type GatewayOfTwo = Effect.Success<ReturnType<typeof startGatewayProcess>>
