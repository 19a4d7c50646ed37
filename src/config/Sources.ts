import { type ConfigProvider, Effect } from "effect"
import { randomBytes } from "node:crypto"
import type { PortalId } from "../portals/Portal.ts"
import { ConfigFaults } from "./ConfigFaults.ts"
import type { Profile } from "./Setting.ts"
import { type Name, names, settingOf } from "./Settings.ts"

/** Where a value came from (SPEC 1). */
export type Origin = "environment" | "default" | "profile default" | "generated"
export interface Source {
  /** The value as text, not yet decoded. */
  readonly text: string
  readonly origin: Origin
}
/** What every setting that has a value says, before it is decoded. */
export type Sources = ReadonlyMap<Name, Source>

/**
 * What the environment states. An empty value counts as not set, because compose files pass those for variables
 * that nobody set. Only the variable itself counts: `PORT_X` does not make `PORT` a structure.
 */
const statements = Effect.fnUntraced(function* (provider: ConfigProvider.ConfigProvider) {
  const stated = new Map<Name, string>()
  for (const name of names) {
    const node = yield* provider.load([name]).pipe(
      Effect.mapError(() => {
        const fault = { variable: name, problem: "It could not be read.", fix: "Check where it comes from." }
        return new ConfigFaults({ faults: [fault], warnings: [] })
      }),
    )
    if (node?.value !== undefined && node.value !== "") stated.set(name, node.value)
  }
  return stated
})

const portals: ReadonlyArray<PortalId> = ["CP", "PP"]

/** The portals that a gateway of this type serves. */
export const served = (type: string | undefined): ReadonlyArray<PortalId> =>
  portals.filter((portal) => type === undefined || (portal === "CP" ? type !== "PP" : type !== "CP"))

/** Defaults that hang on other settings: a key where the embedded profile has none, and the algorithms of the keys. */
const addComputed = Effect.fnUntraced(function* (sources: Map<Name, Source>, profile: Profile) {
  for (const portal of portals) {
    const isServed = served(sources.get("GATEWAY_TYPE")?.text.toUpperCase()).includes(portal)
    const jwks = sources.has(`JWT_JWKS_URL_${portal}`)
    if (profile === "embedded" && isServed && !jwks && !sources.has(`JWT_SECRET_${portal}`)) {
      const text = yield* Effect.sync(() => randomBytes(32).toString("base64url"))
      sources.set(`JWT_SECRET_${portal}`, { text, origin: "generated" })
    }
    const algorithms = [
      ...(sources.has(`JWT_SECRET_${portal}`) ? ["HS256"] : []),
      ...(jwks ? ["RS256", "ES256", "EdDSA"] : []),
    ]
    if (algorithms.length > 0 && !sources.has(`JWT_ALGORITHMS_${portal}`)) {
      sources.set(`JWT_ALGORITHMS_${portal}`, { text: algorithms.join(","), origin: "default" })
    }
  }
})

/** Finds the text of every setting: the environment's, else a generated one, else the profile's default. */
export const findSources = Effect.fnUntraced(function* (provider: ConfigProvider.ConfigProvider) {
  const stated = yield* statements(provider)
  // A misspelt profile is reported as a fault of its own; meanwhile the one that asks for less adds no other.
  const profile: Profile =
    stated.get("GATEWAY_PROFILE")?.toLowerCase() === "production" ? "production" : "embedded"
  const sources = new Map<Name, Source>()
  for (const name of names) {
    const { defaults } = settingOf(name)
    const text = stated.get(name)
    const standIn = defaults[profile]
    if (text !== undefined) sources.set(name, { text, origin: "environment" })
    else if (standIn !== undefined) {
      const origin = defaults.embedded === defaults.production ? "default" : "profile default"
      sources.set(name, { text: standIn, origin })
    }
  }
  yield* addComputed(sources, profile)
  const result: Sources = sources
  return { profile, sources: result }
})
