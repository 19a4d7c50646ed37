import { Option, Redacted } from "effect"
import type { PortalId } from "../portals/Portal.ts"
import type { Fault } from "./ConfigFaults.ts"
import type { Algorithm } from "./GatewayConfig.ts"
import type { Name, Values } from "./Settings.ts"
import { served } from "./Sources.ts"
import { notBuilt } from "./Switches.ts"

/** What decoded so far; a setting with a fault of its own is absent, and rules that need it keep quiet. */
export type Known = Partial<Values>

/** Something that two or more settings must have between them. */
export interface Rule {
  /** One sentence, for the documentation. */
  readonly about: string
  readonly faults: (known: Known) => ReadonlyArray<Fault>
}

const when = (broken: boolean, variable: Name, problem: string, fix: string): ReadonlyArray<Fault> =>
  broken ? [{ variable, problem, fix }] : []

const isUnset = (value: Option.Option<unknown> | undefined): boolean =>
  value !== undefined && Option.isNone(value)

const hasNoKey = (known: Known, portal: PortalId): boolean =>
  isUnset(known[`JWT_SECRET_${portal}`]) && isUnset(known[`JWT_JWKS_URL_${portal}`])

/** The portals that may be served, as far as is known. */
const perServedPortal =
  (faults: (known: Known, portal: PortalId) => ReadonlyArray<Fault>): Rule["faults"] =>
  (known) =>
    served(known.GATEWAY_TYPE).flatMap((portal) => faults(known, portal))

const keys: Rule = {
  about: "Each served portal has a secret or a JWKS URL, unless ENABLE_AUTH_MIDDLEWARE is false.",
  faults: perServedPortal((known, portal) => {
    // While the type is unknown, the portal that has a key may be the only one that is meant.
    const isMeant = known.GATEWAY_TYPE !== undefined || (hasNoKey(known, "CP") && hasNoKey(known, "PP"))
    return when(
      known.ENABLE_AUTH_MIDDLEWARE === true && isMeant && hasNoKey(known, portal),
      `JWT_SECRET_${portal}`,
      `It is not set, and neither is JWT_JWKS_URL_${portal}, so no ${portal} token could be verified.`,
      `Set JWT_SECRET_${portal} to at least 32 random bytes (HS256), or JWT_JWKS_URL_${portal} to where the public keys are.`,
    )
  }),
}

const keyOf = (algorithm: Algorithm, portal: PortalId) =>
  algorithm === "HS256" ? (`JWT_SECRET_${portal}` as const) : (`JWT_JWKS_URL_${portal}` as const)

const algorithmsHaveKeys: Rule = {
  about: "An algorithm has its key: HS256 the secret, the others the JWKS URL.",
  faults: perServedPortal((known, portal) => {
    if (hasNoKey(known, portal)) return [] // the rule about keys has said so
    const orphans = (known[`JWT_ALGORITHMS_${portal}`] ?? []).filter((algorithm) =>
      isUnset(known[keyOf(algorithm, portal)]),
    )
    const missing = [...new Set(orphans.map((algorithm) => keyOf(algorithm, portal)))].join(" and ")
    return when(
      orphans.length > 0,
      `JWT_ALGORITHMS_${portal}`,
      `${orphans.join(", ")} cannot be verified without ${missing}.`,
      `Set ${missing}, or take ${orphans.join(", ")} out of JWT_ALGORITHMS_${portal}.`,
    )
  }),
}

const secretOf = (value: Option.Option<Redacted.Redacted> | undefined) =>
  value === undefined ? undefined : Option.getOrUndefined(Option.map(value, Redacted.value))

const portalsDiffer: Rule = {
  about: "The two portals have different secrets and different issuers, so that no token is good for both.",
  faults: (known) => {
    const cp = secretOf(known.JWT_SECRET_CP)
    return [
      ...when(
        cp !== undefined && cp === secretOf(known.JWT_SECRET_PP),
        "JWT_SECRET_PP",
        "It is the same as JWT_SECRET_CP, so who can sign customers' tokens could sign staff tokens.",
        "Give each portal a secret of its own.",
      ),
      ...when(
        known.JWT_ISSUER_CP !== undefined && known.JWT_ISSUER_CP === known.JWT_ISSUER_PP,
        "JWT_ISSUER_PP",
        "It is the same as JWT_ISSUER_CP, so a token of one portal could pass on the other.",
        "Give each portal an issuer of its own.",
      ),
    ]
  },
}

const isLoopback = (host: string) => host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host)

const keysComeSafely: Rule = {
  about: "In the production environment public keys are fetched by https, or from this machine.",
  faults: perServedPortal((known, portal) => {
    const text = Option.getOrUndefined(known[`JWT_JWKS_URL_${portal}`] ?? Option.none())
    const url = text === undefined ? undefined : new URL(text)
    return when(
      known.ENVIRONMENT === "production" && url?.protocol === "http:" && !isLoopback(url.hostname),
      `JWT_JWKS_URL_${portal}`,
      "It is plain http, so whoever is on the way could put keys of their own there.",
      `Set JWT_JWKS_URL_${portal} to an https URL.`,
    )
  }),
}

const ports: Rule = {
  about:
    "PORT is not ADMIN_PORT, nor one of the ports after it that further workers take; neither is 0 in the production environment.",
  faults: (known) => {
    const { PORT: port, ADMIN_PORT: first, WORKERS: workers = 1 } = known
    const last = first === undefined || first === 0 ? 0 : first + workers - 1
    const taken = first === last ? `port ${first}` : `ports ${first} to ${last}, one a worker`
    return [
      ...when(
        port !== undefined && first !== undefined && port !== 0 && first <= port && port <= last,
        "ADMIN_PORT",
        `The admin side takes ${taken}, and PORT is ${port}; it never shares the public port.`,
        `Set ADMIN_PORT to ${(port ?? 0) + 1}, or to any other port that leaves PORT free.`,
      ),
      ...when(
        last > 65_535,
        "ADMIN_PORT",
        `The admin side takes ${taken}, and there is no port above 65535.`,
        `Set ADMIN_PORT to ${65_536 - workers} or less.`,
      ),
      ...(["PORT", "ADMIN_PORT"] as const).flatMap((name) =>
        when(
          known.ENVIRONMENT === "production" && known[name] === 0,
          name,
          "It is 0, which takes a random port that nobody would find.",
          `Set ${name} to a fixed port.`,
        ),
      ),
    ]
  },
}

const hosts: Rule = {
  about: "With GATEWAY_TYPE=BOTH, CP_HOSTS and PP_HOSTS are both set or both unset, and share no name.",
  faults: (known) => {
    const { CP_HOSTS: cp, PP_HOSTS: pp } = known
    if (known.GATEWAY_TYPE !== "BOTH" || cp === undefined || pp === undefined) return []
    const shared = cp.filter((name) => pp.includes(name))
    const [unset, other] =
      cp.length === 0 ? (["CP_HOSTS", "PP_HOSTS"] as const) : (["PP_HOSTS", "CP_HOSTS"] as const)
    return [
      ...when(
        (cp.length === 0) !== (pp.length === 0),
        unset,
        `It is not set although ${other} is, so no host name would lead to that portal.`,
        `Set ${unset} too, or unset ${other} to tell the portals apart by the prefixes /cp and /pp.`,
      ),
      ...when(
        shared.length > 0,
        "PP_HOSTS",
        `${shared.join(", ")} is in CP_HOSTS too, so the host name does not tell which portal is meant.`,
        "Give each portal host names of its own.",
      ),
    ]
  },
}

const redis: Rule = {
  about: "REDIS_LAYER=ioredis has a REDIS_URL, and more than one worker has REDIS_LAYER=ioredis.",
  faults: (known) => [
    ...when(
      known.REDIS_LAYER === "ioredis" && isUnset(known.REDIS_URL),
      "REDIS_URL",
      "It is not set, and REDIS_LAYER=ioredis needs a server.",
      "Set REDIS_URL to a redis://, redis-sentinel:// or redis-cluster:// URL, or REDIS_LAYER to memory when one process is all there is.",
    ),
    ...when(
      known.REDIS_LAYER === "memory" && known.WORKERS !== undefined && known.WORKERS > 1,
      "WORKERS",
      `${known.WORKERS} workers cannot share REDIS_LAYER=memory, which is each process's own.`,
      "Set REDIS_LAYER to ioredis and REDIS_URL to a server, or WORKERS to 1.",
    ),
  ],
}

const opaServers: Rule = {
  about: "OPA_LAYER=http has OPA_URLS; the production profile has two of them.",
  faults: (known) => {
    const { OPA_LAYER: layer, OPA_URLS: urls, GATEWAY_PROFILE: profile } = known
    if (layer !== "http" || urls === undefined || !decides(known)) return []
    const wanted = profile === "production" ? 2 : 1
    return when(
      urls.length < wanted,
      "OPA_URLS",
      urls.length === 0
        ? "It is not set, and OPA_LAYER=http needs servers."
        : "It names one server; when that one is away, nobody decides.",
      `Set OPA_URLS to ${wanted === 2 ? "two or more servers" : "at least one server"}, or OPA_LAYER to wasm to decide in this process.`,
    )
  },
}

/** Whether a stage that asks the policies is on, as far as is known. */
const decides = (known: Known): boolean =>
  known.ENABLE_POLICY_MIDDLEWARE === true || known.ENABLE_RBAC_MIDDLEWARE === true

const postgres: Rule = {
  about:
    "Unless ENABLE_AUTH_MIDDLEWARE and ENABLE_POLICY_MIDDLEWARE are false, POSTGRES_LAYER=pg has a DATABASE_URL, and more than one worker has POSTGRES_LAYER=pg.",
  faults: (known) => {
    if (known.ENABLE_AUTH_MIDDLEWARE !== true && known.ENABLE_POLICY_MIDDLEWARE !== true) return []
    return [
      ...when(
        known.POSTGRES_LAYER === "pg" && isUnset(known.DATABASE_URL),
        "DATABASE_URL",
        "It is not set, and customers' flags and approvals are kept in PostgreSQL.",
        "Set DATABASE_URL to a postgres:// URL, or POSTGRES_LAYER to embedded when one process is all there is.",
      ),
      ...when(
        known.POSTGRES_LAYER === "embedded" && known.WORKERS !== undefined && known.WORKERS > 1,
        "WORKERS",
        `${known.WORKERS} workers cannot share POSTGRES_LAYER=embedded, which is each process's own.`,
        "Set POSTGRES_LAYER to pg and DATABASE_URL to a database, or WORKERS to 1.",
      ),
    ]
  },
}

const direct: Rule = {
  about: "FLAGS_DEFAULT_ENABLED=false has a PLANT_DIRECT_URL, or the embedded profile's demos.",
  faults: (known) =>
    when(
      known.FLAGS_DEFAULT_ENABLED === false &&
        isUnset(known.PLANT_DIRECT_URL) &&
        (known.GATEWAY_PROFILE === "production" || !isUnset(known.PLANT_API_URL)),
      "PLANT_DIRECT_URL",
      "It is not set, and FLAGS_DEFAULT_ENABLED=false sends customers there.",
      "Set PLANT_DIRECT_URL to the direct integration, or FLAGS_DEFAULT_ENABLED to true.",
    ),
}

const objectStore: Rule = {
  about: "OBJECT_STORE_LAYER=gcs has an OBJECT_STORE_BUCKET.",
  faults: (known) =>
    when(
      known.OBJECT_STORE_LAYER === "gcs" && isUnset(known.OBJECT_STORE_BUCKET),
      "OBJECT_STORE_BUCKET",
      "It is not set, and OBJECT_STORE_LAYER=gcs needs a bucket.",
      "Set OBJECT_STORE_BUCKET to the name of a bucket, or OBJECT_STORE_LAYER to fs.",
    ),
}

/** The first may not be longer than the second. */
const order =
  (shorter: Name & keyof Durations, longer: Name & keyof Durations, why: string) => (known: Known) => {
    const [low, high] = [known[shorter], known[longer]]
    return when(
      low !== undefined && high !== undefined && low > high,
      longer,
      `It is ${high} seconds, shorter than ${shorter} with ${low}; ${why}.`,
      `Set ${longer} to ${low} or more, or ${shorter} to ${high} or less.`,
    )
  }
type Durations = { [N in Name as Values[N] extends number ? N : never]: number }

const durations: Rule = {
  about:
    "JWKS_STALE_SECONDS, REVOCATION_STALE_SECONDS, OPA_CACHE_STALE_SECONDS and REQUEST_TIMEOUT_SECONDS are not shorter than JWKS_FRESH_SECONDS, REVOCATION_FRESH_SECONDS, OPA_CACHE_TTL_SECONDS and HEADERS_TIMEOUT_SECONDS.",
  faults: (known) => [
    ...order(
      "JWKS_FRESH_SECONDS",
      "JWKS_STALE_SECONDS",
      "keys cannot turn stale while they are fresh",
    )(known),
    ...order(
      "REVOCATION_FRESH_SECONDS",
      "REVOCATION_STALE_SECONDS",
      "an answer cannot turn stale while it is fresh",
    )(known),
    ...order(
      "OPA_CACHE_TTL_SECONDS",
      "OPA_CACHE_STALE_SECONDS",
      "a decision cannot turn stale while it is fresh",
    )(known),
    ...order("HEADERS_TIMEOUT_SECONDS", "REQUEST_TIMEOUT_SECONDS", "the head is part of the request")(known),
  ],
}

const switchesAreWired: Rule = {
  about: "In production no switch is on whose middleware this version does not have.",
  faults: (known) =>
    known.GATEWAY_PROFILE === "production"
      ? (Object.keys(notBuilt) as Array<keyof typeof notBuilt>) // the keys of a constant object are its type's keys
          .flatMap((name) =>
            when(
              known[name] === true,
              name,
              "It is on, but this version of the gateway has no such middleware, so nothing would do its work.",
              `Set ${name} to false, and let Plant decide what it would have decided.`,
            ),
          )
      : [],
}

/** All of them, in the order they are reported. */
export const rules: ReadonlyArray<Rule> = [
  ports,
  hosts,
  keys,
  algorithmsHaveKeys,
  portalsDiffer,
  keysComeSafely,
  redis,
  opaServers,
  postgres,
  direct,
  objectStore,
  durations,
  switchesAreWired,
]
