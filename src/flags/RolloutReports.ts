import { Effect, Option } from "effect"
import { AuditLog, type Severity } from "../audit/AuditLog.ts"
import type { RolloutEvent } from "./Rollouts.ts"
import { type Change, whereOf } from "./RolloutSteps.ts"

/** An event that the gateway itself brought about. */
export interface OwnEvent extends RolloutEvent {
  readonly action: Change["action"]
}

/** Puts what becomes of the rollout into the log and the audit. `isOnRecord`: whether the database could be told. */
export const makeReports = Effect.map(
  AuditLog,
  ({ record }) =>
    ({ action, before, after, evidence }: OwnEvent, isOnRecord: boolean) => {
      const { severity, name, happened } = kinds[action]
      const { updatedBy: by, reason, step } = after
      const where = isOnRecord ? "" : " It holds on this instance alone until the database can be told."
      return Effect.andThen(
        levels[severity](
          `The rollout ${happened}: it is ${whereOf(after)}, as ${by} said: ${reason}${where}`,
        ),
        record({
          kind: "operations",
          name,
          severity,
          correlationId: Option.none(),
          userId: by === "analysis" ? Option.none() : Option.some(by),
          customerId: Option.none(),
          details: {
            by,
            reason,
            step,
            from: Option.match(before, { onNone: () => "none", onSome: whereOf }),
            to: whereOf(after),
            evidence: Option.getOrNull(evidence),
            on_record: isOnRecord,
          },
        }),
      )
    },
)

interface Kind {
  readonly name: string
  readonly severity: Severity
  readonly happened: string
}

const kinds: Readonly<Record<Change["action"], Kind>> = {
  start: { name: "rollout_started", severity: "INFO", happened: "started" },
  advance: { name: "rollout_advanced", severity: "INFO", happened: "advanced" },
  pause: { name: "rollout_paused", severity: "INFO", happened: "was paused" },
  resume: { name: "rollout_resumed", severity: "INFO", happened: "was resumed" },
  promote: { name: "rollout_promoted", severity: "INFO", happened: "was promoted" },
  "judge-inconclusive": {
    name: "rollout_inconclusive",
    severity: "WARNING",
    happened: "was judged inconclusive",
  },
  abort: { name: "rollout_aborted", severity: "CRITICAL", happened: "was aborted" },
}

const levels = { INFO: Effect.logInfo, WARNING: Effect.logWarning, CRITICAL: Effect.logError } as const
