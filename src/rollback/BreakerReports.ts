import { Effect, Metric, Option } from "effect"
import { AuditLog, type Severity } from "../audit/AuditLog.ts"
import type { BreakerState, Forced } from "./Breakers.ts"

/** A transition that the breaker itself came to, and what led to it. */
export interface Transition {
  readonly dependency: string
  readonly from: BreakerState
  readonly to: BreakerState
  /** Failures in a row before it. */
  readonly failures: number
  /** Another instance's circuit had opened, so one failure was enough. */
  readonly suspected: boolean
  /** What calls meet in spite of it. */
  readonly forced: Option.Option<Forced>
}

const transitions = Metric.counter("gateway_breaker_transitions_total", {
  description: "Changes of a circuit, by dependency and by what it became; also by an operator's word",
  incremental: true,
})

type Become = BreakerState | "forced-open" | "forced-closed" | "released"

const count = (dependency: string, to: Become) =>
  Metric.update(Metric.withAttributes(transitions, { dependency, to }), 1)

export type BreakerReports = Effect.Success<ReturnType<typeof makeReports>>

/** Puts every change of a circuit into the log, the metrics and the audit. */
export const makeReports = Effect.fnUntraced(function* (openSeconds: number) {
  const { record } = yield* AuditLog

  const audit = (
    name: string,
    severity: Severity,
    details: Readonly<Record<string, unknown>>,
    by: Option.Option<string> = Option.none(),
  ) =>
    record({
      kind: "operations",
      name,
      severity,
      correlationId: Option.none(),
      userId: by,
      customerId: Option.none(),
      details,
    })

  const changed = (transition: Transition) => {
    const { dependency, from, to, failures, suspected } = transition
    const but = Option.match(transition.forced, {
      onNone: () => "",
      onSome: ({ state }) => ` It is forced ${state}, and that holds.`,
    })
    const details = { dependency, from, forced: Option.getOrNull(transition.forced)?.state ?? null }
    switch (to) {
      case "open": {
        const cause = from === "half-open" ? "probe" : suspected ? "hint" : "failures"
        return Effect.all([
          Effect.logWarning(
            `The circuit of ${dependency} opened: ${why(cause, failures)}. One call probes it in ${openSeconds} seconds.${but}`,
          ),
          audit("circuit_opened", "CRITICAL", { ...details, cause, failures, open_seconds: openSeconds }),
        ])
      }
      case "half-open":
        return Effect.all([
          Effect.logInfo(
            `The circuit of ${dependency} is half open: one call finds out whether it is back.${but}`,
          ),
          audit("circuit_half_open", "INFO", details),
        ])
      case "closed":
        return Effect.all([
          Effect.logInfo(`The circuit of ${dependency} closed: it is back.${but}`),
          audit("circuit_closed", "INFO", details),
        ])
    }
  }

  return {
    changed: (transition: Transition) =>
      Effect.andThen(count(transition.dependency, transition.to), changed(transition)),

    /** What an operator has said here is audited here; every other instance only logs and counts that it obeys. */
    forced: (dependency: string, { state, reason, by, until }: Forced, where: "here" | "elsewhere") =>
      Effect.all([
        count(dependency, `forced-${state}`),
        Effect.logWarning(
          `The circuit of ${dependency} is forced ${state} until ${time(until)}, as ${by} said: ${reason}`,
        ),
        where === "here"
          ? audit(
              "circuit_forced",
              "WARNING",
              { dependency, state, reason, by, until: time(until) },
              Option.some(by),
            )
          : Effect.void,
      ]),

    /** `by` is none where another instance said only that it is so. */
    released: (dependency: string, forced: Option.Option<Forced>, by: Option.Option<string>) =>
      Effect.all([
        count(dependency, "released"),
        Effect.logInfo(
          `The circuit of ${dependency} is not forced any more, as ${Option.getOrElse(by, () => "an operator")} said.`,
        ),
        Option.isSome(by)
          ? audit("circuit_released", "INFO", { dependency, by: by.value, ...ended(forced) }, by)
          : Effect.void,
      ]),

    expired: (dependency: string, forced: Forced) =>
      Effect.all([
        count(dependency, "released"),
        Effect.logInfo(
          `The circuit of ${dependency} is not forced ${forced.state} any more: its time is over.`,
        ),
        audit("circuit_released", "INFO", { dependency, by: "expiry", ...ended(Option.some(forced)) }),
      ]),
  }
})

const why = (cause: "probe" | "hint" | "failures", failures: number): string => {
  if (cause === "probe") return "the probe failed"
  const failed = failures === 1 ? "a call failed" : `${failures} calls in a row failed`
  return cause === "hint" ? `${failed}, and another instance's had opened` : failed
}

const ended = (forced: Option.Option<Forced>): Readonly<Record<string, unknown>> =>
  Option.match(forced, {
    onNone: () => ({}),
    onSome: ({ state, reason, until }) => ({ state, reason, until: time(until) }),
  })

const time = (millis: number): string => new Date(millis).toISOString()
