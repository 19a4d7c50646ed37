import type { Setting, ValueOf } from "./Setting.ts"
import { authSettings } from "./settings/Auth.ts"
import { plantSettings, stateSettings } from "./settings/Backends.ts"
import { flagSettings, keptSettings } from "./settings/Flags.ts"
import { breakerSettings, policySettings } from "./settings/Policy.ts"
import { switchSettings, telemetrySettings } from "./settings/Operations.ts"
import { processSettings, serverSettings } from "./settings/Server.ts"

/** Every environment variable that the gateway reads (SPEC 1). There is no other. */
const settings = {
  ...processSettings,
  ...serverSettings,
  ...plantSettings,
  ...authSettings,
  ...policySettings,
  ...breakerSettings,
  ...flagSettings,
  ...stateSettings,
  ...keptSettings,
  ...telemetrySettings,
  ...switchSettings,
}
export type Name = keyof typeof settings
/** The decoded environment, still flat. */
export type Values = { readonly [N in Name]: ValueOf<(typeof settings)[N]> }

/** The table as rows, in the order of the documentation. */
export const names = Object.keys(settings) as ReadonlyArray<Name> // the keys of a constant object are its type's keys
export const settingOf = (name: Name): Setting<unknown> => settings[name]

/** The chapters of the table, for the documentation. */
export const chapters: ReadonlyArray<
  readonly [title: string, settings: Readonly<Record<string, Setting<unknown>>>]
> = [
  ["Process", processSettings],
  ["Server", serverSettings],
  ["Plant", plantSettings],
  ["Auth", authSettings],
  ["Policy", policySettings],
  ["Circuit breakers", breakerSettings],
  ["Flags and rollout", flagSettings],
  ["State", stateSettings],
  ["Files and exports", keptSettings],
  ["Logs and telemetry", telemetrySettings],
  ["Switches", switchSettings],
]
