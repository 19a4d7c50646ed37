import { Context, Effect, Layer, Option, References } from "effect"

export type Severity = "INFO" | "WARNING" | "CRITICAL"

/** Something that happened and must be on record (SPEC 9). */
export interface AuditEvent {
  /** `security` what somebody was refused or granted, `operations` what the gateway or an operator did. */
  readonly kind: "security" | "operations"
  /** Snake case, such as `permission_denied` or `circuit_opened`. */
  readonly name: string
  readonly severity: Severity
  readonly correlationId: Option.Option<string>
  readonly userId: Option.Option<string>
  readonly customerId: Option.Option<string>
  /** What else belongs to it; no bodies, no tokens. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Where events are put on record. Never fails and never holds up whoever records. */
export class AuditLog extends Context.Service<
  AuditLog,
  { readonly record: (event: AuditEvent) => Effect.Effect<void> }
>()("gateway/audit/AuditLog") {
  /** One structured line an event. */
  static readonly layerLog = Layer.succeed(this, {
    record: ({ severity, name, kind, correlationId, userId, customerId, details }) => {
      const audit = {
        name,
        kind,
        severity,
        correlation_id: Option.getOrNull(correlationId),
        user_id: Option.getOrNull(userId),
        customer_id: Option.getOrNull(customerId),
        details,
      }
      return Effect.annotateLogs(levels[severity](`Audit: ${name}`), { audit }).pipe(
        // What is on record does not hang on how much an operator wants to read.
        Effect.provideService(References.MinimumLogLevel, "All"),
      )
    },
  })
}

const levels = { INFO: Effect.logInfo, WARNING: Effect.logWarning, CRITICAL: Effect.logError } as const
