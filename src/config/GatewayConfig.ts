import { Context, Effect, Layer, type Option, type Redacted } from "effect"
import type { PortalId } from "../portals/Portal.ts"
import type { ConfigFaults } from "./ConfigFaults.ts"
import { resolve } from "./Resolve.ts"
import type { Switches } from "./Switches.ts"

export type Algorithm = "HS256" | "RS256" | "ES256" | "EdDSA"

/** Who may issue a portal's tokens, and how they are verified (SPEC 3). */
export interface IssuerConfig {
  readonly issuer: string
  readonly algorithms: ReadonlyArray<Algorithm>
  /** Key for HS256. */
  readonly secret: Option.Option<Redacted.Redacted>
  /** Where the public keys for the other algorithms are. */
  readonly jwksUrl: Option.Option<string>
  readonly audience: Option.Option<string>
}

/** The whole decoded environment, grouped by the concern that reads it. Durations are seconds unless named otherwise. */
export interface GatewaySettings {
  readonly profile: "embedded" | "production"
  /** Development shows causes in problem documents and lets `token mint` work. */
  readonly environment: "development" | "production"
  readonly server: {
    readonly host: string
    readonly port: number
    readonly adminHost: string
    readonly adminPort: number
    readonly workers: number
    readonly maxBodyBytes: number
    readonly maxUrlBytes: number
    readonly maxHeaderBytes: number
    /** Addresses or CIDR blocks whose forwarded headers count. */
    readonly trustedProxies: ReadonlyArray<string>
    readonly headersTimeoutSeconds: number
    readonly requestTimeoutSeconds: number
    /** How long a drain waits, after readiness went off, before it stops accepting. */
    readonly drainDelaySeconds: number
    /** How long a drain lets requests in flight finish. */
    readonly drainTimeoutSeconds: number
  }
  readonly portal: {
    readonly type: PortalId | "BOTH"
    /** Host names that select a portal when the type is BOTH; without them the prefixes do. */
    readonly hosts: Readonly<Record<PortalId, ReadonlyArray<string>>>
  }
  readonly plant: {
    /** Absent only in the embedded profile, which then starts the demo Plant. */
    readonly apiUrl: Option.Option<string>
    readonly sandboxUrl: Option.Option<string>
    /** The direct integration, for customers who are not enrolled. */
    readonly directUrl: Option.Option<string>
    readonly timeoutSeconds: number
    readonly connections: number
    /** Requests in flight at each backend beyond which more are refused. */
    readonly concurrency: number
  }
  readonly auth: {
    readonly issuers: Readonly<Record<PortalId, IssuerConfig>>
    readonly maxLifetimeSeconds: number
    readonly leewaySeconds: number
    readonly rememberedTokens: number
    /** At most one JWKS fetch in this time, whatever `kid`s arrive. */
    readonly jwksCooldownSeconds: number
    /** Keys are fetched anew after this. */
    readonly jwksFreshSeconds: number
    /** Keys older than this are not used; identity is then unavailable (503). */
    readonly jwksStaleSeconds: number
    /** A revocation answer is used this long without asking Redis again. */
    readonly revocationFreshSeconds: number
    /** ... and this long while Redis is away. */
    readonly revocationStaleSeconds: number
  }
  readonly cors: { readonly origins: ReadonlyArray<string> }
  readonly rateLimit: {
    readonly enabled: boolean
    /** Requests to the sign-in routes per client address and minute. */
    readonly signInPerMinute: number
  }
  readonly policy: {
    readonly layer: "http" | "wasm"
    /** Origins of the OPA servers; not empty for the layer `http`. */
    readonly urls: ReadonlyArray<string>
    /** For one try at one server. */
    readonly timeoutMillis: number
    readonly batchMax: number
    readonly healthSeconds: number
    readonly fallback: "none" | "wasm"
    readonly freshSeconds: number
    readonly staleSeconds: number
    readonly shadowDirectory: Option.Option<string>
    /** From 0 to 1. */
    readonly shadowSample: number
  }
  readonly trial: { readonly tasksPerDay: number; readonly upgradeUrl: string }
  readonly approvals: { readonly uiUrl: string; readonly ttlSeconds: number }
  readonly breaker: { readonly failuresMax: number; readonly openSeconds: number }
  readonly postgres: {
    readonly layer: "pg" | "embedded"
    readonly url: Option.Option<Redacted.Redacted>
    readonly connections: number
  }
  readonly flags: {
    /** What holds for a customer with no row, while there is no cohort rule. */
    readonly defaultEnabled: boolean
  }
  readonly rollout: {
    /** How long a step goes well before an automatic rollout takes the next. */
    readonly stepSeconds: number
    /** How often what was seen is judged. */
    readonly analysisSeconds: number
    /** Requests of a group below which nothing is concluded from it. */
    readonly minSample: number
    /** From 0 to 1: how much larger than the control's the canary's error ratio may be. */
    readonly errorMargin: number
    /** From 0 to 1: the error ratio that a canary may have at most where there is no control to compare with. */
    readonly errorCeiling: number
    /** How many times the control's p95 latency the canary's may be. */
    readonly latencyFactor: number
  }
  /** Where this machine keeps what must survive a restart while PostgreSQL is away. */
  readonly state: { readonly directory: string }
  readonly objects: {
    readonly layer: "fs" | "gcs"
    /** For the layer `fs`. */
    readonly directory: string
    /** For the layer `gcs`. */
    readonly bucket: Option.Option<string>
    /** Instead of Google's, for the layer `gcs`. */
    readonly endpoint: Option.Option<string>
  }
  readonly redis: { readonly layer: "ioredis" | "memory"; readonly url: Option.Option<Redacted.Redacted> }
  readonly switches: Switches
  readonly log: { readonly level: "Debug" | "Info" | "Warn" | "Error"; readonly format: "json" | "pretty" }
  readonly telemetry: { readonly otlpUrl: Option.Option<string> }
}
export class GatewayConfig extends Context.Service<GatewayConfig, GatewaySettings>()(
  "gateway/config/GatewayConfig",
) {
  /** From the ambient `ConfigProvider`, by default the environment; logs a warning for each misspelt variable. */
  static readonly layer: Layer.Layer<GatewayConfig, ConfigFaults> = Layer.effect(
    GatewayConfig,
    Effect.gen(function* () {
      const { settings, warnings } = yield* resolve
      yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true })
      return settings
    }),
  )
}
