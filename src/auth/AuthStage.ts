import { Context, Effect, Layer, Metric } from "effect"
import type { Exchange, ExchangeShape } from "../http/Exchange.ts"
import { MatchedRoute } from "../http/MatchedRoute.ts"
import type { Problem } from "../http/Problems.ts"
import type { App } from "../http/Stage.ts"
import { Cp } from "../portals/Cp.ts"
import type { Portal, PortalId } from "../portals/Portal.ts"
import { Pp } from "../portals/Pp.ts"
import { Authenticator } from "./Authenticator.ts"
import { ConstitutionalContext, type Identity } from "./ConstitutionalContext.ts"
import { identityUnavailable, unauthorized } from "./Refusals.ts"
import { bearerToken } from "./Token.ts"

/**
 * Where the chain forks: public routes, and those that verify a credential of their own, go on without an
 * identity, all others only with one. The branches are two so that a stage which needs `ConstitutionalContext`
 * cannot stand where nobody provides it.
 */
export interface Fork {
  <R>(branches: Branches<R>): App<R | Exchange | MatchedRoute>
}
/** What stands inside, on either side of the fork. */
export interface Branches<R> {
  readonly anonymous: App<R>
  readonly signedIn: App<R | ConstitutionalContext>
}

/**
 * Establishes who calls (SPEC 3). Refused requests never reach either branch.
 *
 * While revocations cannot be asked and too little is known, safe methods pass with `X-Gateway-Degraded:
 * revocation`, and all others fail with `service-unavailable`.
 */
export class AuthStage extends Context.Service<AuthStage, Fork>()("gateway/auth/AuthStage") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { recall, authenticate } = yield* Authenticator

      const verify = Effect.fnUntraced(function* (exchange: ExchangeShape, portal: Portal, token: string) {
        const { identity, revocation } = yield* authenticate(portal, token)
        if (revocation === "unknown") {
          if (!safeMethods.has(exchange.method)) return yield* revocationUnknown()
          exchange.answerHeaders.set("x-gateway-degraded", "revocation")
        }
        return identity
      })

      /** A remembered caller at once: every request comes by here. */
      const identify = (exchange: ExchangeShape): Identity | Effect.Effect<Identity, Problem> => {
        const token = bearerToken(exchange.request.rawHeaders)
        if (typeof token !== "string") return Effect.fail(token)
        // A protected route outside both portals has nobody who may enter it.
        if (exchange.portal === undefined) return Effect.fail(unauthorized())
        const portal = portals[exchange.portal]
        return recall(portal, token) ?? verify(exchange, portal, token)
      }

      return AuthStage.of(<R>({ anonymous, signedIn }: Branches<R>) =>
        MatchedRoute.use(({ route }, exchange): App<R> => {
          if (route.public || route.ownAuthentication) return anonymous
          const identified = identify(exchange)
          return Effect.isEffect(identified)
            ? identified.pipe(
                Effect.tapError(recordRefusal),
                Effect.flatMap((identity) => ConstitutionalContext.provide(exchange, identity)(signedIn)),
              )
            : ConstitutionalContext.provide(exchange, identified)(signedIn)
        }),
      )
    }),
  ).pipe(Layer.provide(Authenticator.layer))

  /** Nobody has an identity, so every route goes the anonymous way. */
  static readonly layerOff = Layer.succeed(this, ({ anonymous }) => anonymous)
}

const portals: Readonly<Record<PortalId, Portal>> = { CP: Cp, PP: Pp }

/** RFC 9110 section 9.2.1, as far as routes have them. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

const revocationUnknown = (): Problem =>
  identityUnavailable("Whether the token was revoked cannot be found out now; only reading is possible.", 1)

const refusals = Metric.counter("gateway_auth_refusals_total", {
  description: "Requests that authentication refused, by problem",
  incremental: true,
})

/** The reason, never the token or its digest. */
const recordRefusal = (problem: Problem) =>
  Effect.andThen(
    Metric.update(Metric.withAttributes(refusals, { problem: problem.slug }), 1),
    Effect.logDebug("Authentication refused the request.", { problem: problem.slug, reason: problem.detail }),
  )
