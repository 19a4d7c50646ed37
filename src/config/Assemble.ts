import type { PortalId } from "../portals/Portal.ts"
import type { GatewaySettings, IssuerConfig } from "./GatewayConfig.ts"
import type { Values } from "./Settings.ts"

const issuer = (values: Values, portal: PortalId): IssuerConfig => ({
  issuer: values[`JWT_ISSUER_${portal}`],
  algorithms: values[`JWT_ALGORITHMS_${portal}`],
  secret: values[`JWT_SECRET_${portal}`],
  jwksUrl: values[`JWT_JWKS_URL_${portal}`],
  audience: values[`JWT_AUDIENCE_${portal}`],
})

/** Groups the flat values by the concern that reads them. */
export const assemble = (values: Values): GatewaySettings => ({
  profile: values.GATEWAY_PROFILE,
  environment: values.ENVIRONMENT,
  server: {
    host: values.HOST,
    port: values.PORT,
    adminHost: values.ADMIN_HOST,
    adminPort: values.ADMIN_PORT,
    workers: values.WORKERS,
    maxBodyBytes: values.MAX_BODY_BYTES,
    maxUrlBytes: values.MAX_URL_BYTES,
    maxHeaderBytes: values.MAX_HEADER_BYTES,
    trustedProxies: values.TRUSTED_PROXIES,
    headersTimeoutSeconds: values.HEADERS_TIMEOUT_SECONDS,
    requestTimeoutSeconds: values.REQUEST_TIMEOUT_SECONDS,
    drainDelaySeconds: values.DRAIN_DELAY_SECONDS,
    drainTimeoutSeconds: values.DRAIN_TIMEOUT_SECONDS,
  },
  portal: { type: values.GATEWAY_TYPE, hosts: { CP: values.CP_HOSTS, PP: values.PP_HOSTS } },
  plant: {
    apiUrl: values.PLANT_API_URL,
    sandboxUrl: values.PLANT_SANDBOX_URL,
    timeoutSeconds: values.PLANT_TIMEOUT_SECONDS,
    connections: values.PLANT_CONNECTIONS,
    concurrency: values.PLANT_CONCURRENCY,
  },
  auth: {
    issuers: { CP: issuer(values, "CP"), PP: issuer(values, "PP") },
    maxLifetimeSeconds: values.JWT_MAX_LIFETIME_SECONDS,
    leewaySeconds: values.JWT_LEEWAY_SECONDS,
    rememberedTokens: values.VERIFIED_TOKENS_MAX,
    jwksCooldownSeconds: values.JWKS_COOLDOWN_SECONDS,
    jwksFreshSeconds: values.JWKS_FRESH_SECONDS,
    jwksStaleSeconds: values.JWKS_STALE_SECONDS,
    revocationFreshSeconds: values.REVOCATION_FRESH_SECONDS,
    revocationStaleSeconds: values.REVOCATION_STALE_SECONDS,
  },
  cors: { origins: values.CORS_ORIGINS },
  rateLimit: { enabled: values.RATE_LIMIT_ENABLED, signInPerMinute: values.AUTH_RATE_LIMIT_PER_MINUTE },
  policy: {
    layer: values.OPA_LAYER,
    urls: values.OPA_URLS,
    timeoutMillis: values.OPA_TIMEOUT_MS,
    batchMax: values.OPA_BATCH_MAX,
    healthSeconds: values.OPA_HEALTH_SECONDS,
    fallback: values.OPA_FALLBACK,
    freshSeconds: values.OPA_CACHE_TTL_SECONDS,
    staleSeconds: values.OPA_CACHE_STALE_SECONDS,
    shadowDirectory: values.POLICY_SHADOW_DIR,
    shadowSample: values.POLICY_SHADOW_SAMPLE,
  },
  trial: { tasksPerDay: values.TRIAL_TASK_LIMIT_PER_DAY, upgradeUrl: values.UPGRADE_URL },
  approvals: { uiUrl: values.APPROVAL_UI_URL, ttlSeconds: values.APPROVAL_TTL_SECONDS },
  breaker: {
    failuresMax: values.CIRCUIT_BREAKER_FAIL_MAX,
    openSeconds: values.CIRCUIT_BREAKER_OPEN_SECONDS,
  },
  postgres: {
    layer: values.POSTGRES_LAYER,
    url: values.DATABASE_URL,
    connections: values.DATABASE_CONNECTIONS,
  },
  redis: { layer: values.REDIS_LAYER, url: values.REDIS_URL },
  switches: {
    auth: values.ENABLE_AUTH_MIDDLEWARE,
    rbac: values.ENABLE_RBAC_MIDDLEWARE,
    policy: values.ENABLE_POLICY_MIDDLEWARE,
    budget: values.ENABLE_BUDGET_MIDDLEWARE,
    audit: values.ENABLE_AUDIT_MIDDLEWARE,
    errors: values.ENABLE_ERROR_MIDDLEWARE,
    websocket: values.ENABLE_WEBSOCKET_MIDDLEWARE,
  },
  log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
  telemetry: { otlpUrl: values.OTEL_EXPORTER_OTLP_ENDPOINT },
})
