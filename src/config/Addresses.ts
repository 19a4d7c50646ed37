import { Config, Result } from "effect"
import { Host, IpNetwork, NetAddress } from "effect/net"
import { checked, checkedList, type Kind, secretly, spaced } from "./Kinds.ts"
import { quoted } from "./Setting.ts"

const httpProblem = (text: string): string | undefined => {
  const url = URL.parse(text)
  if (spaced(text) !== undefined || url === null || !/^https?:\/\//i.test(text)) {
    return `${quoted(text)} is not an http or https URL.`
  }
  if (url.username !== "" || url.password !== "") {
    return `${quoted(text)} holds a user name or password, which would end up in logs.`
  }
  return undefined
}

const originProblem = (text: string, why = ""): string | undefined => {
  const problem = httpProblem(text)
  if (problem !== undefined) return problem
  const { pathname, search, hash } = new URL(text)
  return pathname === "/" && search === "" && hash === ""
    ? undefined
    : `${quoted(text)} has more than scheme, host and port${why}.`
}

/** An http or https URL, kept as it is written. */
export const httpUrl = (example: string): Kind<string> =>
  checked("an http or https URL", example, httpProblem)

/**
 * Scheme, host and port of an upstream. A path is refused: the upstream gets the path that every layer judged
 * (SPEC 2), so there is no prefix to put before it.
 */
export const httpOrigin = (example: string): Kind<string> => {
  const kind = checked("an http or https origin without a path", example, (text) =>
    originProblem(text, "; paths go upstream as they came"),
  )
  return { ...kind, config: (name) => kind.config(name).pipe(Config.map(originOf)) }
}

/** Origins of servers that stand in for each other. */
export const httpOrigins = (example: string): Kind<ReadonlyArray<string>> => {
  const kind = checkedList("a comma list of http or https origins without a path", example, (item) =>
    originProblem(item),
  )
  return {
    ...kind,
    config: (name) => kind.config(name).pipe(Config.map((urls) => [...new Set(urls.map(originOf))])),
  }
}

const originOf = (text: string) => new URL(text).origin

/** Origins whose scripts may read answers, exactly as browsers send them (SPEC 13). */
export const corsOrigins: Kind<ReadonlyArray<string>> = checkedList(
  "a comma list of exact origins",
  "https://cp.waooaw.com,https://pp.waooaw.com",
  (item) => {
    if (item === "*") {
      return '"*" would let the scripts of every site on the web read answers; only named origins are allowed.'
    }
    const problem = httpProblem(item)
    if (problem !== undefined) return problem
    const { origin } = new URL(item)
    return origin === item
      ? undefined
      : `${quoted(item)} never matches what a browser sends, which is ${quoted(origin)}.`
  },
)

/** Redis connection URL, read in full by the Redis layer; secret, because it usually holds the password. */
export const redisUrl = secretly(
  checked(
    "a redis://, redis-sentinel:// or redis-cluster:// URL (rediss for TLS)",
    "redis://redis:6379",
    (text) =>
      /^rediss?(-sentinel|-cluster)?:\/\/[^\s/]+(\/[^\s]*)?$/.test(text)
        ? undefined
        : "The value is not a redis://, redis-sentinel:// or redis-cluster:// URL.",
  ),
)

/** PostgreSQL connection URL, read in full by the PostgreSQL layer; secret, because it usually holds the password. */
export const postgresUrl = secretly(
  checked("a postgres:// URL", "postgres://gateway@postgres:5432/gateway", (text) =>
    /^postgres(ql)?:\/\/[^\s/]+\/[^\s/?]+(\?\S*)?$/.test(text)
      ? undefined
      : "The value is not a postgres:// URL with a host and a database.",
  ),
)

const hostName = /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/i

const lowerCase = (names: ReadonlyArray<string>) => [...new Set(names.map((name) => name.toLowerCase()))]

/** Host names that select a portal; compared without case and without the port. */
export const hostNames = (example: string): Kind<ReadonlyArray<string>> => {
  const kind = checkedList("a comma list of host names without scheme or port", example, (item) =>
    hostName.test(item) ? undefined : `${quoted(item)} is not a host name.`,
  )
  return { ...kind, config: (name) => kind.config(name).pipe(Config.map(lowerCase)) }
}

/** Where a server listens: an address of this machine, or its name. */
export const bindAddress: Kind<string> = checked("an IP address or host name", "127.0.0.1", (text) =>
  Result.isSuccess(Host.hostFromString(text))
    ? undefined
    : `${quoted(text)} is not an IP address or host name.`,
)

const networkProblem = (item: string): string | undefined => {
  if (!item.includes("/")) {
    return Result.isSuccess(NetAddress.ipFromString(item))
      ? undefined
      : `${quoted(item)} is not an IP address.`
  }
  const network = IpNetwork.fromString(item)
  if (Result.isFailure(network)) {
    return `${quoted(item)} is not a network: ${network.failure.message}.`
  }
  return network.success.prefixLength === 0
    ? `${quoted(item)} trusts everyone, so any client could forge its address.`
    : undefined
}

/** Peers whose forwarded headers count (SPEC 13). */
export const networks: Kind<ReadonlyArray<string>> = checkedList(
  "a comma list of IP addresses and networks",
  "10.0.0.0/8,::1",
  networkProblem,
)
