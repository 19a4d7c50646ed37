import { Context, Effect, Layer } from "effect"
import { HttpServerResponse } from "effect/http"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Exchange } from "./Exchange.ts"
import type { Stage } from "./Stage.ts"

/**
 * Cross-origin access for exact origins (Fetch standard 3.2, SPEC 13). Preflights are answered here; the headers
 * stand on every answer to an allowed origin, refusals and upstream failures included.
 */
export class CorsStage extends Context.Service<CorsStage, Stage<never, Exchange>>()(
  "gateway/http/CorsStage",
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { cors } = yield* GatewayConfig
      const allowed = new Set(cors.origins)

      return CorsStage.of((app) =>
        Exchange.use(({ answerHeaders, method, request: { headers } }) => {
          const { origin } = headers
          const isPreflight =
            method === "OPTIONS" &&
            origin !== undefined &&
            headers["access-control-request-method"] !== undefined
          if (allowed.size > 0) answerHeaders.set("vary", isPreflight ? preflightVary : "Origin")
          if (origin !== undefined && allowed.has(origin)) {
            answerHeaders.set("access-control-allow-origin", origin)
            answerHeaders.set("access-control-allow-credentials", "true")
            if (isPreflight) {
              answerHeaders.set("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
              answerHeaders.set("access-control-max-age", "600")
              const asked = headers["access-control-request-headers"]
              if (asked !== undefined && headerNames.test(asked)) {
                answerHeaders.set("access-control-allow-headers", asked)
              }
            } else {
              answerHeaders.set("access-control-expose-headers", exposed)
            }
          }
          return isPreflight ? Effect.succeed(HttpServerResponse.empty({ status: 204 })) : app
        }),
      )
    }),
  )
}

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

/** A list of field names (RFC 9110 5.1), and nothing else, may be echoed; no `*` either, which could mean all. */
const headerNames = /^[A-Za-z0-9!#$%&'+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'+.^_`|~-]+)*$/

/** What a portal's script may read besides the safelisted headers. */
const exposed = [
  "X-Correlation-ID",
  "X-Error-Code",
  "X-Gateway-Degraded",
  "X-Governor-Approval-Required",
  "X-Governor-Action",
  "X-Governor-Agent-ID",
  "X-Policy-Decision",
  "X-Budget-Alert-Level",
  "X-Budget-Remaining",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "WWW-Authenticate",
  "Location",
  "ETag",
  "Content-Disposition",
].join(", ")
