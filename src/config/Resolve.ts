import { Config, ConfigProvider, Effect, Result } from "effect"
import { assemble } from "./Assemble.ts"
import { ConfigFaults, type Fault } from "./ConfigFaults.ts"
import type { GatewaySettings } from "./GatewayConfig.ts"
import { findMisspelt } from "./Misspelt.ts"
import { type Known, rules } from "./Rules.ts"
import { reading } from "./Setting.ts"
import { names, settingOf, type Values } from "./Settings.ts"
import { findSources, type Sources } from "./Sources.ts"

/** A configuration without faults, and where it came from. */
export interface Resolution {
  readonly settings: GatewaySettings
  /** Texts and origins; every secret's text is `<redacted>`. */
  readonly sources: Sources
  /** Sentences about variables that look like misspelt settings. */
  readonly warnings: ReadonlyArray<string>
}

const withoutSecrets = (sources: Sources): Sources =>
  new Map(
    [...sources].map(([name, source]) => [
      name,
      settingOf(name).secret ? { ...source, text: "<redacted>" } : source,
    ]),
  )

/**
 * Decodes the ambient environment once (SPEC 1). Every setting is read and every rule asked before it fails, so
 * that one message tells all faults.
 */
export const resolve: Effect.Effect<Resolution, ConfigFaults> = Effect.gen(function* () {
  const ambient = yield* ConfigProvider.ConfigProvider
  const { profile, sources } = yield* findSources(ambient)
  const texts = Object.fromEntries([...sources].map(([name, { text }]) => [name, text]))
  const readings = names.map((name) => [name, reading(name, settingOf(name), texts[name], profile)] as const)
  // A reading holds its fault as a value, and the texts are in memory: there is nothing left to fail.
  const results = yield* Config.all(Object.fromEntries(readings))
    .parse(ConfigProvider.fromUnknown(texts))
    .pipe(Effect.orDie)

  const faults: Array<Fault> = []
  const values: Record<string, unknown> = {}
  for (const [name, result] of Object.entries(results)) {
    if (Result.isSuccess(result)) values[name] = result.success
    else faults.push(result.failure)
  }
  const known = values as Known // each value was decoded by the setting of its name
  for (const rule of rules) faults.push(...rule.faults(known))
  const warnings = yield* findMisspelt(ambient)
  if (faults.length > 0) return yield* new ConfigFaults({ faults, warnings })
  const settings = assemble(known as Values) // no faults: every setting decoded
  return { settings, sources: withoutSecrets(sources), warnings }
})
