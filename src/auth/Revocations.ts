import { Context, Data, type Effect } from "effect"
import type { Identity } from "./ConstitutionalContext.ts"

/** How a token stands with the service that signs users out. */
export type Standing = "current" | "revoked" | "version-mismatch"

/** What of a token a revocation can name. */
export type RevocableToken = Pick<Identity, "tokenId" | "userId" | "tokenVersion">

/** The store of revocations gave no answer in time. It says nothing about the token. */
export class RevocationsUnavailable extends Data.TaggedError("RevocationsUnavailable")<{
  readonly cause: unknown
}> {
  override get message(): string {
    return "Whether tokens are revoked cannot be found out now."
  }
}

/**
 * Which access tokens were withdrawn before their time (SPEC 3). Plant writes them, the gateway only reads:
 *
 * - `revoked_access:<jti>` exists: that token is `revoked`. A token without `jti` cannot be revoked alone.
 * - `token_version:<user_id>` is the only version that the user's tokens may have. A token of another version,
 *   or of none while the key exists, or any while the key holds no integer, is a `version-mismatch`. Without
 *   the key every version is current.
 *
 * When both hold, `revoked` is the answer. A check costs one round trip and is answered, or fails with
 * `RevocationsUnavailable`, within a second, whatever the store does; it is never queued for a store that is away.
 */
export class Revocations extends Context.Service<
  Revocations,
  { readonly check: (token: RevocableToken) => Effect.Effect<Standing, RevocationsUnavailable> }
>()("gateway/auth/Revocations") {}
