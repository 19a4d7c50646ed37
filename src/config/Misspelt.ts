import type { ConfigProvider } from "effect"
import { Effect } from "effect"
import { names } from "./Settings.ts"

/** Names that start like this are ours; one that is not in the table is a mistake. */
const prefixes = [
  "APPROVAL_",
  "CIRCUIT_BREAKER_",
  "ENABLE_",
  "FLAGS_",
  "JWKS_",
  "JWT_",
  "OBJECT_STORE_",
  "OPA_",
  "PLANT_",
  "RATE_LIMIT_",
  "ROLLOUT_",
]

/** Orchestrators put these into every container for a service with the name of a prefix, such as `plant`. */
const serviceLinks = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$/

/** Insertions, deletions and substitutions between two words. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...to].entries()) {
      const substitute = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(substitute, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

const known: ReadonlySet<string> = new Set(names)

const nearest = (name: string, candidates: ReadonlyArray<string>) =>
  candidates
    .map((candidate) => ({ candidate, distance: distance(name, candidate) }))
    .reduce<{ candidate: string; distance: number } | undefined>(
      (best, each) => (best === undefined || each.distance < best.distance ? each : best),
      undefined,
    )

/** The warning for a variable that looks like a misspelt setting of ours, if it does. */
const misspelt = (name: string): string | undefined => {
  if (known.has(name) || serviceLinks.test(name)) return undefined
  const prefix = prefixes.find((each) => name.startsWith(each))
  // Short names are near to too many others: HOST and HOME, PORT and SORT.
  const alike = (other: string) =>
    Math.min(name.length, other.length) >= 6 && Math.abs(name.length - other.length) <= 2
  const candidates = names.filter((each) => (prefix === undefined ? alike(each) : each.startsWith(prefix)))
  const best = nearest(name, candidates)
  return best !== undefined && (prefix !== undefined || best.distance <= 2)
    ? `${name} is not a setting of the gateway and has no effect; the nearest is ${best.candidate}.`
    : undefined
}

/** Every variable of the environment that has a value, whatever way the provider splits names into paths. */
const stated = (
  provider: ConfigProvider.ConfigProvider,
  path: ConfigProvider.Path,
): Effect.Effect<ReadonlyArray<string>, ConfigProvider.SourceError> =>
  Effect.gen(function* () {
    const node = yield* provider.load(path)
    const own = path.length > 0 && node?.value !== undefined ? [path.join("_")] : []
    const keys =
      node?._tag === "Record" ? [...node.keys] : node?._tag === "Array" ? [...Array(node.length).keys()] : []
    const inner = yield* Effect.forEach(keys, (key) => stated(provider, [...path, key]))
    return [...own, ...inner.flat()]
  })

/** A warning for each variable that looks like a misspelt setting. A provider that cannot list its names gives none. */
export const findMisspelt = (provider: ConfigProvider.ConfigProvider): Effect.Effect<ReadonlyArray<string>> =>
  stated(provider, []).pipe(
    Effect.orElseSucceed((): ReadonlyArray<string> => []),
    Effect.map((variables) => [...new Set(variables)].flatMap((name) => misspelt(name) ?? [])),
  )
