import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Logger, Option, Redacted, Runtime } from "effect"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { resolveEnv, resolveFrom, resolveProduction } from "./environment.ts"

const cpSecret = "cp-0123456789-0123456789-0123456789"

describe("defaults", () => {
  it.effect("the embedded profile needs no variable at all", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({})
      assert.strictEqual(settings.profile, "embedded")
      assert.strictEqual(settings.environment, "development")
      assert.strictEqual(settings.portal.type, "BOTH")
      assert.strictEqual(settings.redis.layer, "memory")
      assert.deepStrictEqual(settings.plant.apiUrl, Option.none())
      assert.deepStrictEqual(settings.server, {
        host: "127.0.0.1",
        port: 8000,
        adminHost: "127.0.0.1",
        adminPort: 9000,
        workers: 1,
        maxBodyBytes: 10 * 1024 * 1024,
        maxUrlBytes: 8192,
        maxHeaderBytes: 32768,
        trustedProxies: [],
        headersTimeoutSeconds: 10,
        requestTimeoutSeconds: 300,
        drainDelaySeconds: 0,
        drainTimeoutSeconds: 20,
      })
    }),
  )

  it.effect("the seven switches are on, but for WebSocket", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({})
      assert.deepStrictEqual(settings.switches, {
        auth: true,
        rbac: true,
        policy: true,
        budget: true,
        audit: true,
        errors: true,
        websocket: false,
      })
    }),
  )

  it.effect("production listens on all addresses, drains with a delay and uses ioredis", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveProduction({})
      assert.strictEqual(settings.server.host, "0.0.0.0")
      assert.strictEqual(settings.server.drainDelaySeconds, 5)
      assert.strictEqual(settings.environment, "production")
      assert.strictEqual(settings.redis.layer, "ioredis")
    }),
  )
})

describe("what counts as set", () => {
  it.effect("an empty value does not", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromEnv({
        env: { PORT: "", CORS_ORIGINS: "", JWT_SECRET_CP: "" },
        preserveEmptyStrings: true,
      })
      const { settings, sources } = yield* resolveFrom(provider)
      assert.strictEqual(settings.server.port, 8000)
      assert.strictEqual(sources.get("PORT")?.origin, "default")
      assert.strictEqual(sources.get("JWT_SECRET_CP")?.origin, "generated")
    }),
  )

  it.effect("regression: variables that begin with a setting's name do not hide its default", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({ PORT_8000_TCP: "tcp://10.0.0.1:8000", HOST_IP: "10.0.0.1" })
      assert.strictEqual(settings.server.port, 8000)
      assert.strictEqual(settings.server.host, "127.0.0.1")
    }),
  )

  it.effect("regression: nor do they hide its value", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({ PORT: "8080", PORT_0: "1" })
      assert.strictEqual(settings.server.port, 8080)
    }),
  )

  it.effect("where a value came from is kept", () =>
    Effect.gen(function* () {
      const { sources } = yield* resolveEnv({ PORT: "8080" })
      assert.strictEqual(sources.get("PORT")?.origin, "environment")
      assert.strictEqual(sources.get("ADMIN_PORT")?.origin, "default")
      assert.strictEqual(sources.get("HOST")?.origin, "profile default")
      assert.strictEqual(sources.get("JWT_SECRET_CP")?.origin, "generated")
    }),
  )
})

describe("values", () => {
  it.effect("are decoded to what the gateway compares with", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({
        GATEWAY_TYPE: "both",
        LOG_LEVEL: "info",
        PLANT_API_URL: "http://Plant:8001/",
        PLANT_TIMEOUT_SECONDS: "2.5",
        CP_HOSTS: "CP.waooaw.com, cp.waooaw.com,",
        PP_HOSTS: "pp.waooaw.com",
        TRUSTED_PROXIES: "10.0.0.0/8, ::1",
        CORS_ORIGINS: "https://cp.waooaw.com,http://localhost:3000",
        MAX_BODY_BYTES: "1.5 MiB",
        MAX_URL_BYTES: "4096",
        RATE_LIMIT_ENABLED: "off",
      })
      assert.strictEqual(settings.portal.type, "BOTH")
      assert.strictEqual(settings.log.level, "Info")
      assert.deepStrictEqual(settings.plant.apiUrl, Option.some("http://plant:8001"))
      assert.strictEqual(settings.plant.timeoutSeconds, 2.5)
      assert.deepStrictEqual(settings.portal.hosts, { CP: ["cp.waooaw.com"], PP: ["pp.waooaw.com"] })
      assert.deepStrictEqual(settings.server.trustedProxies, ["10.0.0.0/8", "::1"])
      assert.deepStrictEqual(settings.cors.origins, ["https://cp.waooaw.com", "http://localhost:3000"])
      assert.strictEqual(settings.server.maxBodyBytes, 1_572_864)
      assert.strictEqual(settings.server.maxUrlBytes, 4096)
      assert.isFalse(settings.rateLimit.enabled)
    }),
  )

  it.effect("port 0 takes any free port in development, for both listeners", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveEnv({ PORT: "0", ADMIN_PORT: "0" })
      assert.strictEqual(settings.server.port, 0)
      assert.strictEqual(settings.server.adminPort, 0)
    }),
  )

  it.effect.each([
    "redis://redis:6379",
    "rediss://user:password@redis:6380/2",
    "redis-sentinel://a:26379,b:26379/gateway/0",
    "rediss-cluster://a:6379,b:6379",
  ])("%s is a Redis server", (REDIS_URL) => resolveProduction({ REDIS_URL }))
})

describe("keys", () => {
  it.effect("the embedded profile generates a secret of its own for each portal, new at every start", () =>
    Effect.gen(function* () {
      const secrets: Array<string> = []
      for (const { settings } of [yield* resolveEnv({}), yield* resolveEnv({})]) {
        for (const portal of ["CP", "PP"] as const) {
          const { secret, algorithms } = settings.auth.issuers[portal]
          assert.deepStrictEqual(algorithms, ["HS256"])
          secrets.push(Redacted.value(Option.getOrThrow(secret)))
        }
      }
      assert.strictEqual(new Set(secrets).size, 4)
      for (const text of secrets) assert.lengthOf(Buffer.from(text, "base64url"), 32)
    }),
  )

  it.effect("it generates none for a portal that has a JWKS URL, nor for one that is not served", () =>
    Effect.gen(function* () {
      const jwks = yield* resolveEnv({ JWT_JWKS_URL_CP: "http://127.0.0.1:8080/jwks.json" })
      assert.deepStrictEqual(jwks.settings.auth.issuers.CP.secret, Option.none())
      const served = yield* resolveEnv({ GATEWAY_TYPE: "cp" })
      assert.deepStrictEqual(served.settings.auth.issuers.PP.secret, Option.none())
    }),
  )

  it.effect("production never generates one", () =>
    Effect.gen(function* () {
      const { faults } = yield* Effect.flip(resolveProduction({ JWT_SECRET_CP: "" }))
      assert.deepStrictEqual(
        faults.map(({ variable }) => variable),
        ["JWT_SECRET_CP"],
      )
    }),
  )

  it.effect("the algorithms follow from the keys, unless they are stated", () =>
    Effect.gen(function* () {
      const both = { JWT_SECRET_CP: cpSecret, JWT_JWKS_URL_CP: "https://id.waooaw.com/jwks.json" }
      const derived = yield* resolveEnv(both)
      assert.deepStrictEqual(derived.settings.auth.issuers.CP.algorithms, [
        "HS256",
        "RS256",
        "ES256",
        "EdDSA",
      ])
      const stated = yield* resolveEnv({ ...both, JWT_ALGORITHMS_CP: "eddsa" })
      assert.deepStrictEqual(stated.settings.auth.issuers.CP.algorithms, ["EdDSA"])
    }),
  )

  it.effect("only served portals need them", () =>
    Effect.gen(function* () {
      const { settings } = yield* resolveProduction({ GATEWAY_TYPE: "CP", JWT_JWKS_URL_PP: "" })
      assert.deepStrictEqual(settings.auth.issuers.PP.algorithms, [])
    }),
  )

  it.effect("nobody needs them when auth is off", () =>
    resolveProduction({ ENABLE_AUTH_MIDDLEWARE: "false", JWT_SECRET_CP: "", JWT_JWKS_URL_PP: "" }),
  )

  it.effect("public keys may come from this machine by plain http", () =>
    resolveProduction({ JWT_JWKS_URL_PP: "http://127.0.0.1:8080/jwks.json" }),
  )

  it.effect("secrets are redacted when they are printed", () =>
    Effect.gen(function* () {
      const { settings, sources } = yield* resolveProduction({ JWT_SECRET_CP: cpSecret })
      const shown = JSON.stringify([settings, ...sources])
      assert.notInclude(shown, cpSecret)
      assert.notInclude(shown, "password-of-redis")
    }),
  )
})

describe("misspelt variables", () => {
  it.effect.each([
    { variable: "ENABLE_RBAC_MIDLEWARE", nearest: "ENABLE_RBAC_MIDDLEWARE" },
    { variable: "ENABLE_AUTH", nearest: "ENABLE_AUTH_MIDDLEWARE" },
    { variable: "JWT_SECRET", nearest: "JWT_SECRET_CP" },
    { variable: "PLANT_URL", nearest: "PLANT_API_URL" },
    { variable: "RATE_LIMIT_ENABLE", nearest: "RATE_LIMIT_ENABLED" },
    { variable: "CORS_ORIGIN", nearest: "CORS_ORIGINS" },
    { variable: "REDIS_URI", nearest: "REDIS_URL" },
  ])("$variable has no effect and is warned of with the nearest, $nearest", ({ variable, nearest }) =>
    Effect.gen(function* () {
      const { warnings } = yield* resolveEnv({ [variable]: "x" })
      assert.deepStrictEqual(warnings, [
        `${variable} is not a setting of the gateway and has no effect; the nearest is ${nearest}.`,
      ])
    }),
  )

  it.effect("settings, unrelated variables and the links of an orchestrator are not warned of", () =>
    Effect.gen(function* () {
      const { warnings } = yield* resolveEnv({
        PLANT_API_URL: "http://plant:8001",
        HOME: "/nowhere",
        HOSTNAME: "gateway-1",
        PATH: "/usr/bin",
        PLANT_SERVICE_HOST: "10.0.0.1",
        PLANT_SERVICE_PORT: "8001",
        PLANT_PORT: "tcp://10.0.0.1:8001",
        PLANT_PORT_8001_TCP_ADDR: "10.0.0.1",
        GATEWAY_WORKER_INDEX: "0",
      })
      assert.deepStrictEqual(warnings, [])
    }),
  )

  it.effect("are found in a provider that does not split names, too", () =>
    Effect.gen(function* () {
      const { warnings } = yield* resolveFrom(ConfigProvider.fromUnknown({ JWT_LEEWAY: "1" }))
      assert.lengthOf(warnings, 1)
    }),
  )
})

/** What the layer gives in this environment. */
const build = (env: Record<string, string>) =>
  GatewayConfig.pipe(
    Effect.provide(
      GatewayConfig.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))),
    ),
  )

describe("GatewayConfig.layer", () => {
  it.effect("gives the settings of the ambient provider and logs the warnings", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => logged.push([logLevel, message]))
      const settings = yield* build({ PORT: "8080", JWT_LEEWAY: "1" }).pipe(
        Effect.provide(Logger.layer([logger])),
      )
      assert.strictEqual(settings.server.port, 8080)
      assert.lengthOf(logged, 1)
      assert.match(JSON.stringify(logged), /Warn.*JWT_LEEWAY is not a setting/)
    }),
  )

  it.effect("fails with all faults, and exit code 2 for the process that dies of them", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(build({ PORT: "x", WORKERS: "x" }))
      assert.lengthOf(error.faults, 2)
      assert.strictEqual(error[Runtime.errorExitCode], 2)
    }),
  )
})
