import { httpOrigin, postgresUrl, redisUrl } from "../Addresses.ts"
import { flag, oneOf, seconds, whole } from "../Kinds.ts"
import { optional, setting } from "../Setting.ts"

/** The backend behind the gateway. */
export const plantSettings = {
  PLANT_API_URL: optional({
    kind: httpOrigin("http://plant:8001"),
    mustBeStatedIn: "production",
    about: "The backend; the embedded profile starts a demo Plant when it is not set.",
  }),
  PLANT_SANDBOX_URL: optional({
    kind: httpOrigin("http://plant-sandbox:8002"),
    about: "The backend of trial customers.",
  }),
  PLANT_DIRECT_URL: optional({
    kind: httpOrigin("http://direct:8003"),
    about:
      "The direct integration, for customers who are not enrolled; the embedded profile starts a demo when PLANT_API_URL is not set.",
  }),
  PLANT_TIMEOUT_SECONDS: setting({
    kind: seconds(0.1, 3600),
    default: "30",
    about: "How long the backend may stay silent (504 beyond it).",
  }),
  PLANT_CONNECTIONS: setting({
    kind: whole(1, 65_535),
    default: "128",
    about: "Connections to the backend, a worker.",
  }),
  PLANT_CONCURRENCY: setting({
    kind: whole(1, 1_000_000),
    default: "1024",
    about: "Requests at once at each backend, a worker; one more is answered with 503.",
  }),
}

/** What the instances share, and what they limit with it. */
export const stateSettings = {
  REDIS_LAYER: setting({
    kind: oneOf(["ioredis", "memory"]),
    default: { embedded: "memory", production: "ioredis" },
    about: "Where shared state is; `memory` is one process's own and serves one worker only.",
  }),
  REDIS_URL: optional({ kind: redisUrl, about: "The Redis server, for REDIS_LAYER=ioredis." }),
  POSTGRES_LAYER: setting({
    kind: oneOf(["pg", "embedded"]),
    default: { embedded: "embedded", production: "pg" },
    about: "Where records are; `embedded` is a PostgreSQL in this process, and ends with it.",
  }),
  DATABASE_URL: optional({ kind: postgresUrl, about: "The PostgreSQL database, for POSTGRES_LAYER=pg." }),
  DATABASE_CONNECTIONS: setting({
    kind: whole(1, 1000),
    default: "10",
    about: "Connections to PostgreSQL, a worker; one more listens for changed flags.",
  }),
  RATE_LIMIT_ENABLED: setting({ kind: flag, default: "true", about: "Whether requests are rate limited." }),
  AUTH_RATE_LIMIT_PER_MINUTE: setting({
    kind: whole(1, 1_000_000),
    default: "30",
    about: "Requests to the sign-in routes for each client address.",
  }),
}
