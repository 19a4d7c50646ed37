import { ConfigProvider, Effect } from "effect"
import { readFileSync } from "node:fs"
import type { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { type Resolution, resolve } from "../../src/config/Resolve.ts"

/** A production configuration without a fault. */
export const productionFile = readFileSync(new URL("production.env", import.meta.url), "utf8")

/** What resolving a provider gives. */
export const resolveFrom = (
  provider: ConfigProvider.ConfigProvider,
): Effect.Effect<Resolution, ConfigFaults> =>
  Effect.provideService(resolve, ConfigProvider.ConfigProvider, provider)

/** What resolving these variables alone gives. */
export const resolveEnv = (env: Record<string, string>) => resolveFrom(ConfigProvider.fromEnv({ env }))

/** What resolving the production configuration with these variables on top gives; an empty one unsets. */
export const resolveProduction = (env: Record<string, string>) =>
  resolveFrom(
    ConfigProvider.fromEnv({ env, preserveEmptyStrings: true }).pipe(
      ConfigProvider.orElse(ConfigProvider.fromDotEnvContents(productionFile)),
    ),
  )
