/** Where one Redis server listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** A decoded `REDIS_URL`. */
export interface RedisAddress {
  readonly kind: "single" | "sentinel" | "cluster"
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** One server; or the sentinels; or some nodes of the cluster. */
  readonly endpoints: readonly [Endpoint, ...ReadonlyArray<Endpoint>]
  /** The name that the sentinels know the master by. */
  readonly masterName: string | undefined
}

const form =
  /^(rediss?)(-sentinel|-cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#@]+)(?:\/([^/?#]*))?(?:\/(\d{1,4}))?$/

/**
 * Reads the three forms of `REDIS_URL` (SPEC 1), `rediss` standing for TLS; or says in a sentence what is wrong
 * with it, never quoting it, for it holds a password.
 *
 * - `redis://user:password@host:6379/0`
 * - `redis-sentinel://user:password@host1:26379,host2:26379/master-name/0`
 * - `redis-cluster://user:password@host1:6379,host2:6379`
 */
export const readRedisUrl = (url: string): RedisAddress | string => {
  const match = form.exec(url)
  if (match === null)
    return "It is not of the form redis://host:port/db, redis-sentinel://hosts/master-name or redis-cluster://hosts."
  const [, scheme, topology, user, password, hosts = "", first, second] = match
  const kind = topology === "-sentinel" ? "sentinel" : topology === "-cluster" ? "cluster" : "single"

  const [head, ...rest] = hosts
    .split(",")
    .map((host) => readEndpoint(host, kind === "sentinel" ? 26379 : 6379))
  const endpoints = [head, ...rest]
  if (head === undefined || !endpoints.every((endpoint) => endpoint !== undefined))
    return "One of its hosts is not of the form host or host:port."
  if (kind === "single" && rest.length > 0)
    return "It names several hosts; say redis-sentinel:// or redis-cluster://."
  if (kind === "sentinel" && (first === undefined || first === ""))
    return "It names no master; the form is redis-sentinel://hosts/master-name."
  const db = kind === "sentinel" ? second : first
  if (kind !== "sentinel" && second !== undefined) return "Its path has too many parts."
  if (db !== undefined && !/^\d{0,4}$/.test(db)) return "Its database is not a number."
  if (kind === "cluster" && Number(db ?? 0) !== 0) return "A cluster has no database but 0."
  const secrets = [user, password].map(decoded)
  if (secrets.includes(null)) return "Its user or password is not percent-encoded."
  return {
    kind,
    tls: scheme === "rediss",
    username: secrets[0] ?? undefined,
    password: secrets[1] ?? undefined,
    db: Number(db ?? 0),
    endpoints: [head, ...rest.filter((endpoint) => endpoint !== undefined)],
    masterName: kind === "sentinel" ? first : undefined,
  }
}

const readEndpoint = (text: string, defaultPort: number): Endpoint | undefined => {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1]
  if (host === undefined) return undefined
  const port = Number(match?.[2] ?? defaultPort)
  return port > 0 && port < 65536 ? { host: host.replace(/^\[|\]$/g, ""), port } : undefined
}

/** Null when it is not percent-encoded. */
const decoded = (text: string | undefined): string | undefined | null => {
  if (text === undefined || text === "") return undefined
  return /^(?:[^%]|%[0-9a-fA-F]{2})*$/.test(text) ? decodeURIComponent(text) : null
}
