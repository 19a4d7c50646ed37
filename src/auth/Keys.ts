import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { createSecretKey, type KeyObject } from "node:crypto"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { ConfigFaults } from "../config/ConfigFaults.ts"
import { type Algorithm, GatewayConfig } from "../config/GatewayConfig.ts"
import type { Problem } from "../http/Problems.ts"
import type { PortalId } from "../portals/Portal.ts"
import { makeJwks } from "./Jwks.ts"
import { invalidToken } from "./Refusals.ts"
import type { TokenHeader } from "./Token.ts"

/**
 * The keys that verify a portal's tokens.
 *
 * The algorithm decides where the key comes from, and only an algorithm that the issuer's list names: HS256 the
 * secret, all others the published set. So the two can be configured together, and a public key never serves as
 * a secret (RFC 8725 section 3.1).
 */
export class IssuerKeys extends Context.Service<
  IssuerKeys,
  {
    /**
     * Fails with `invalid-token` when the issuer has no such key, and with `service-unavailable` when its keys
     * cannot be reached.
     */
    readonly find: (portal: PortalId, header: TokenHeader) => Effect.Effect<CryptoKey | KeyObject, Problem>
  }
>()("gateway/auth/IssuerKeys") {
  /** Fails the start when a portal accepts an algorithm that it has no key for. */
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { auth, portal } = yield* GatewayConfig
      const served: ReadonlyArray<PortalId> = portal.type === "BOTH" ? ["CP", "PP"] : [portal.type]
      const finders = new Map<PortalId, ReadonlyMap<string, Find>>()
      for (const id of served) {
        const { algorithms, jwksUrl, secret } = auth.issuers[id]
        const secretKey = Option.map(secret, (value) => {
          const key = createSecretKey(Redacted.value(value), "utf8")
          return (): ReturnType<Find> => Effect.succeed(key)
        })
        const published = Option.isNone(jwksUrl)
          ? Option.none()
          : Option.some<Find>(
              (yield* makeJwks({
                url: jwksUrl.value,
                freshSeconds: auth.jwksFreshSeconds,
                staleSeconds: auth.jwksStaleSeconds,
                cooldownSeconds: auth.jwksCooldownSeconds,
              })).find,
            )
        const byAlgorithm = new Map<string, Find>()
        for (const algorithm of algorithms) {
          const find: Option.Option<Find> = algorithm === "HS256" ? secretKey : published
          if (Option.isNone(find)) return yield* noKey(id, algorithm)
          byAlgorithm.set(algorithm, find.value)
        }
        finders.set(id, byAlgorithm)
      }

      return IssuerKeys.of({
        find: (id, header) =>
          finders.get(id)?.get(header.alg)?.(header) ??
          Effect.fail(invalidToken("The token's algorithm is not accepted for this portal.")),
      })
    }),
  ).pipe(Layer.provide(NodeHttpClient.layerUndici))
}

type Find = (header: TokenHeader) => Effect.Effect<CryptoKey | KeyObject, Problem>

const noKey = (portal: PortalId, algorithm: Algorithm): ConfigFaults =>
  new ConfigFaults({
    faults: [
      {
        variable: `JWT_ALGORITHMS_${portal}`,
        problem: `It accepts ${algorithm}, but there is no key for it.`,
        fix:
          algorithm === "HS256"
            ? `Set JWT_SECRET_${portal}, or take HS256 off the list.`
            : `Set JWT_JWKS_URL_${portal}, or take ${algorithm} off the list.`,
      },
    ],
    warnings: [],
  })
