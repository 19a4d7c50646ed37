import { Context, Effect, Layer } from "effect"
import type { ConstitutionalContext } from "../auth/ConstitutionalContext.ts"
import type { Exchange } from "../http/Exchange.ts"
import type { MatchedRoute } from "../http/MatchedRoute.ts"
import type { RequestIds } from "../http/RequestIds.ts"
import type { Route } from "../http/Routes.ts"
import type { App, Stage } from "../http/Stage.ts"
import { makeAskPolicy, onPortal } from "../policy/AskPolicy.ts"
import { Ruling } from "../policy/Ruling.ts"

/** Lets pass on PP whose roles have the route's permission (SPEC 4), and establishes `Ruling`. */
export class RbacStage extends Context.Service<
  RbacStage,
  Stage<never, Exchange | ConstitutionalContext | MatchedRoute | RequestIds>
>()("gateway/rbac/RbacStage") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const policy = yield* makeAskPolicy

      return RbacStage.of(<R>(app: App<R>) =>
        onPortal("PP", app, (asking) =>
          asksForItself(asking.match.route)
            ? app
            : policy.judge(
                asking,
                null,
                (verdict): App<R> => Ruling.provide(asking.exchange, verdict)(app),
                (reasons) => policy.deny(asking, reasons),
              ),
        ),
      )
    }),
  )

  /** Every signed-in member of staff may do anything, and there is no `Ruling`. */
  static readonly layerOff = Layer.succeed(this, (app) => app)
}

/**
 * The gateway's own routes for any role ask for their own permissions (SPEC 18). The policies have no say in them:
 * whoever has to mend the policy service must get in while it is away.
 */
const asksForItself = ({ answeredBy, pp }: Route): boolean => answeredBy === "gateway" && pp?.anyRole === true
