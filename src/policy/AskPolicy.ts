import { Clock, Effect, Metric, Option } from "effect"
import { ConstitutionalContext, type Identity } from "../auth/ConstitutionalContext.ts"
import { AuditLog } from "../audit/AuditLog.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { Exchange, ExchangeShape } from "../http/Exchange.ts"
import { MatchedRoute } from "../http/MatchedRoute.ts"
import type { Problem } from "../http/Problems.ts"
import { type Ids, RequestIds } from "../http/RequestIds.ts"
import type { Match, Route } from "../http/Routes.ts"
import type { App } from "../http/Stage.ts"
import type { PortalId } from "../portals/Portal.ts"
import { agentOf } from "./AgentOf.ts"
import type { Approval } from "./Approvals.ts"
import type { DecisionRequest } from "./Decision.ts"
import { Policy, type Verdict } from "./Policy.ts"
import { type Reasons, refusalOf } from "./PolicyRefusals.ts"
import { resourceOf } from "./ResourceOf.ts"
import type { AllowedVerdict } from "./Ruling.ts"

/** One signed-in request, as the stages that ask the policies see it. */
export interface Asking {
  readonly exchange: ExchangeShape
  readonly identity: Identity
  readonly match: Match
  readonly ids: Ids
}

/** Has the signed-in requests of one portal answered by `answer`; another stage is responsible for the others. */
export const onPortal = <R>(portal: PortalId, app: App<R>, answer: (asking: Asking) => App<R>) =>
  ConstitutionalContext.use((identity, exchange): App<R | Exchange | MatchedRoute | RequestIds> =>
    identity.portal === portal
      ? MatchedRoute.use((match) => RequestIds.use((ids) => answer({ exchange, identity, match, ids })))
      : app,
  )

/** How a stage asks the policies, and refuses what they deny. Made once, at start. */
export const makeAskPolicy = Effect.gen(function* () {
  const { decide } = yield* Policy
  const { record } = yield* AuditLog
  const { upgradeUrl } = (yield* GatewayConfig).trial
  const clock = yield* Clock.Clock

  /** Puts a refusal on record, and fails with it. */
  const refuse = ({ exchange, identity, match, ids }: Asking, problem: Problem) =>
    record({
      kind: "security",
      // On CP a refusal is mostly how things go: an approval is to be asked for, a trial has ended.
      ...(identity.portal === "PP"
        ? { name: "permission_denied", severity: "WARNING" }
        : { name: "policy_denied", severity: "INFO" }),
      correlationId: Option.some(ids.correlationId),
      userId: Option.some(identity.userId),
      customerId: identity.customerId,
      details: {
        portal: identity.portal,
        method: exchange.method,
        route: match.route.template,
        path: exchange.path,
        problem: problem.slug,
        ...problem.extensions,
      },
    }).pipe(
      Effect.andThen(Metric.update(Metric.withAttributes(refusals, { problem: problem.slug }), 1)),
      Effect.andThen(Effect.fail(problem)),
    )

  return {
    /** Goes on as they decide. The answer says when that was not made for this request by the engine (SPEC 6). */
    judge: <R>(
      asking: Asking,
      approval: Approval | null,
      allowed: (verdict: AllowedVerdict) => App<R>,
      denied: (reasons: Reasons) => Effect.Effect<never, Problem>,
    ): App<R> =>
      Effect.flatMap(
        decide(decisionRequest(asking, clock.currentTimeMillisUnsafe(), approval)),
        (verdict) => {
          if (verdict.source !== "engine") markSource(asking.exchange, verdict)
          const { decision } = verdict
          // With this decision it is one.
          return decision.allow ? allowed(verdict as AllowedVerdict) : denied(decision.reasons)
        },
      ),
    refuse,
    /** Refuses what was denied. */
    deny: (asking: Asking, reasons: Reasons): Effect.Effect<never, Problem> => {
      const refused = refuse(asking, refusalOf(reasons, upgradeUrl))
      const [reason] = reasons
      return reason.code === "malformed-input"
        ? Effect.andThen(
            Effect.logError("The policies could not read what the gateway asked them.", {
              route: asking.match.route.template,
              fields: reason.fields,
            }),
            refused,
          )
        : refused
    },
  }
})
export type AskPolicy = Effect.Success<typeof makeAskPolicy>

/** What the policies are asked of a request. `now` in milliseconds since the epoch. */
export const decisionRequest = (
  { exchange, identity, match }: Asking,
  now: number,
  approval: Approval | null,
): DecisionRequest => {
  const { route } = match
  const onCp = identity.portal === "CP"
  return {
    portal: identity.portal,
    subject: identity.userId,
    customer_id: Option.getOrNull(identity.customerId),
    roles: identity.roles,
    is_governor: identity.isGovernor,
    trial: { mode: identity.trial, expires_at: Option.getOrNull(identity.trialExpiresAt) },
    method: exchange.method,
    route: route.template,
    resource: resourceOf(exchange.path, identity, match),
    permission: onCp ? null : permissionOf(route),
    action: onCp ? (route.cp?.action ?? null) : null,
    closed_to_trials: onCp && route.cp?.closedToTrials === true,
    agent_id: Option.getOrNull(agentOf(identity, match)),
    now,
    approval:
      approval === null
        ? null
        : {
            status: approval.status,
            action: approval.action,
            customer_id: approval.customerId,
            resource: approval.resource,
            expires_at: approval.expiresAt,
          },
  }
}

const permissionOf = ({ pp }: Route): string | null =>
  pp?.permission ?? (pp?.anyRole === true ? "signed-in" : null)

const markSource = ({ answerHeaders }: ExchangeShape, { source, ageSeconds }: Verdict): void => {
  answerHeaders.set(
    "x-policy-decision",
    source === "fallback" ? source : `cached; age=${Math.floor(ageSeconds)}`,
  )
}

const refusals = Metric.counter("gateway_policy_refusals_total", {
  description: "Requests that the policies or the counters behind them refused, by problem",
  incremental: true,
})
