import { Context, Effect, Layer } from "effect"
import type { ConstitutionalContext } from "../auth/ConstitutionalContext.ts"
import type { Exchange } from "../http/Exchange.ts"
import type { MatchedRoute } from "../http/MatchedRoute.ts"
import type { RequestIds } from "../http/RequestIds.ts"
import type { App, Stage } from "../http/Stage.ts"
import type { Approval } from "./Approvals.ts"
import { type Asking, makeAskPolicy, onPortal } from "./AskPolicy.ts"
import { makeGovernorApproval } from "./GovernorApproval.ts"
import { Ruling } from "./Ruling.ts"
import { makeTrialQuota } from "./TrialQuota.ts"

/**
 * Lets pass on CP what the policies allow (SPEC 5), and establishes `Ruling`.
 *
 * What can still refuse after the decision goes from what can be taken back to what cannot: a trial's task is counted
 * first, and then the approval is used up. It is used up for good, whatever the backend answers: an approval is of
 * one attempt.
 */
export class PolicyStage extends Context.Service<
  PolicyStage,
  Stage<never, Exchange | ConstitutionalContext | MatchedRoute | RequestIds>
>()("gateway/policy/PolicyStage") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const policy = yield* makeAskPolicy
      const governor = yield* makeGovernorApproval(policy)
      const withinTrial = yield* makeTrialQuota(policy)

      const judged = <R>(asking: Asking, sent: Approval | null, app: App<R>): App<R> =>
        policy.judge(
          asking,
          sent,
          (verdict) => {
            const { exchange, identity, match } = asking
            const ruled: App<R> = Ruling.provide(exchange, verdict)(app)
            const paid = verdict.decision.obligations.consume_approval
              ? Effect.andThen(governor.spend(asking, sent), ruled)
              : ruled
            return identity.trial && match.route.cp?.task === true ? withinTrial(asking, paid) : paid
          },
          (reasons) => {
            const [reason] = reasons
            return reason.code === "approval-required"
              ? governor.require(asking, reasons, reason, sent)
              : policy.deny(asking, reasons)
          },
        )

      return PolicyStage.of(<R>(app: App<R>) =>
        onPortal("CP", app, (asking) =>
          asking.match.route.cp?.action === undefined
            ? judged(asking, null, app)
            : Effect.flatMap(governor.find(asking.exchange), (sent) => judged(asking, sent, app)),
        ),
      )
    }),
  )

  /** Nobody is judged and nothing counted, and there is no `Ruling`. */
  static readonly layerOff = Layer.succeed(this, (app) => app)
}
