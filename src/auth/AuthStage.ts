import { Context, Effect, Layer, Metric } from "effect"
import { HttpServerRequest } from "effect/http"
import { Exchange } from "../http/Exchange.ts"
import { incomingMessage } from "../http/NodeMessages.ts"
import { Problem } from "../http/Problems.ts"
import type { App, Request } from "../http/Stage.ts"
import { Cp } from "../portals/Cp.ts"
import type { Portal, PortalId } from "../portals/Portal.ts"
import { Pp } from "../portals/Pp.ts"
import { Authenticator } from "./Authenticator.ts"
import { ConstitutionalContext, type Identity } from "./ConstitutionalContext.ts"
import { identityUnavailable, unauthorized } from "./Refusals.ts"
import { bearerToken } from "./Token.ts"

/**
 * Where the chain forks: public routes, and those that verify a credential of their own, go on without an
 * identity, all others only with one. The branches are two
 * so that a stage which needs `ConstitutionalContext` cannot stand where nobody provides it.
 */
export interface Fork {
  <R>(branches: Branches<R>): App<R | Exchange>
}
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
      const { authenticate } = yield* Authenticator

      // Plain functions and not generators: every request pays for this.
      const identify = (
        exchange: Exchange["Service"],
        request: Request,
      ): Effect.Effect<Identity, Problem> => {
        const token = bearerToken(incomingMessage(request).rawHeaders)
        if (typeof token !== "string") return Effect.fail(token)
        // A protected route outside both portals has nobody who may enter it.
        if (exchange.portal === undefined) return Effect.fail(unauthorized())
        return Effect.flatMap(authenticate(portals[exchange.portal], token), ({ identity, revocation }) => {
          if (revocation === "unknown") {
            if (!safeMethods.has(exchange.method)) return Effect.fail(revocationUnknown())
            exchange.answerHeaders.set("x-gateway-degraded", "revocation")
          }
          return Effect.succeed(identity)
        })
      }

      return AuthStage.of(<R>(branches: Branches<R>) =>
        Effect.flatMap(Exchange, (exchange): App<R | Exchange> => {
          const { match } = exchange
          if (match instanceof Problem) return Effect.fail(match)
          if (match.route.public || match.route.ownAuthentication) return branches.anonymous
          return HttpServerRequest.HttpServerRequest.pipe(
            Effect.flatMap((request) => identify(exchange, request)),
            Effect.tapError(recordRefusal),
            Effect.flatMap((identity) => ConstitutionalContext.provide(identity)(branches.signedIn)),
          )
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
