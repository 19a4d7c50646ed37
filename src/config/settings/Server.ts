import { bindAddress, corsOrigins, hostNames, networks } from "../Addresses.ts"
import { bytes, oneOf, port, seconds, whole } from "../Kinds.ts"
import { list, setting } from "../Setting.ts"

/** What this process is. */
export const processSettings = {
  GATEWAY_PROFILE: setting({
    kind: oneOf(["embedded", "production"]),
    default: "embedded",
    about:
      "The set of defaults: `embedded` needs no other service, `production` asks for what a deployment needs.",
  }),
  ENVIRONMENT: setting({
    kind: oneOf(["development", "production"]),
    default: { embedded: "development", production: "production" },
    about: "Development shows causes in problem documents and lets `gateway token mint` work.",
  }),
  GATEWAY_TYPE: setting({
    kind: oneOf(["CP", "PP", "BOTH"]),
    default: { embedded: "BOTH" },
    about:
      "The portal that is served; BOTH tells them apart by host name, or by the prefixes `/cp` and `/pp`.",
  }),
  WORKERS: setting({
    kind: whole(1, 1024),
    default: "1",
    about: "Processes that share the port.",
  }),
  DRAIN_DELAY_SECONDS: setting({
    kind: seconds(0, 600),
    default: { embedded: "0", production: "5" },
    about:
      "How long a stopping gateway still accepts requests after readiness went off, so that load balancers notice.",
  }),
  DRAIN_TIMEOUT_SECONDS: setting({
    kind: seconds(0, 3600),
    default: "20",
    about: "How long a stopping gateway lets requests in flight finish.",
  }),
}

/** Where it listens, and what it accepts. */
export const serverSettings = {
  HOST: setting({
    kind: bindAddress,
    default: { embedded: "127.0.0.1", production: "0.0.0.0" },
    about: "Address that the portals listen on.",
  }),
  PORT: setting({
    kind: port,
    default: "8000",
    about: "Port of the portals; 0 takes any free port, in development only.",
  }),
  ADMIN_HOST: setting({
    kind: bindAddress,
    default: "127.0.0.1",
    about: "Address that metrics and the admin API listen on.",
  }),
  ADMIN_PORT: setting({
    kind: port,
    default: "9000",
    about: "Port of metrics and the admin API; 0 takes any free port, in development only.",
  }),
  CP_HOSTS: list({
    kind: hostNames("cp.waooaw.com"),
    about: "Host names that select CP when GATEWAY_TYPE is BOTH.",
  }),
  PP_HOSTS: list({
    kind: hostNames("pp.waooaw.com"),
    about: "Host names that select PP when GATEWAY_TYPE is BOTH.",
  }),
  CORS_ORIGINS: list({
    kind: corsOrigins,
    about: "Origins whose scripts may read answers; none by default.",
  }),
  TRUSTED_PROXIES: list({
    kind: networks,
    about: "Peers whose `X-Forwarded-*` headers are believed; none by default.",
  }),
  MAX_BODY_BYTES: setting({
    kind: bytes("1 B", "1 TiB"),
    default: "10 MiB",
    about: "Largest request body (413 beyond it).",
  }),
  MAX_URL_BYTES: setting({
    kind: bytes("256 B", "1 MiB"),
    default: "8192",
    about: "Longest request target (414 beyond it).",
  }),
  MAX_HEADER_BYTES: setting({
    kind: bytes("1 KiB", "1 MiB"),
    default: "32768",
    about: "Largest request head (431 beyond it).",
  }),
  HEADERS_TIMEOUT_SECONDS: setting({
    kind: seconds(0.1, 3600),
    default: "10",
    about: "How long a client may take to send a request's head (408 beyond it).",
  }),
  REQUEST_TIMEOUT_SECONDS: setting({
    kind: seconds(0.1, 86_400),
    default: "300",
    about: "How long a client may take to send a whole request (408 beyond it).",
  }),
}
