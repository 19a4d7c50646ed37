import { Effect, Layer, Option } from "effect"
import {
  type RevocableToken,
  Revocations,
  RevocationsUnavailable,
  type Standing,
} from "../../src/auth/Revocations.ts"
import { IoRedis } from "./IoRedis.ts"

/** Reads what Plant writes to Redis. */
export const layer = Layer.effect(
  Revocations,
  Effect.gen(function* () {
    const client = yield* IoRedis
    /** Two commands and not one MGET, for a cluster keeps the two keys apart; they travel together all the same. */
    const lookUp = (token: RevocableToken): Promise<[revoked: number, version: string | null]> =>
      Promise.all([
        Option.isSome(token.tokenId) ? client.exists(`revoked_access:${token.tokenId.value}`) : 0,
        client.get(`token_version:${token.userId}`),
      ])
    return Revocations.of({
      check: (token) =>
        Effect.tryPromise({
          try: () => lookUp(token),
          catch: (cause) => new RevocationsUnavailable({ cause }),
        }).pipe(
          // Redirections within a cluster can add up to more than the time limit of one command.
          Effect.timeoutOrElse({
            duration: "1 second",
            orElse: () => Effect.fail(new RevocationsUnavailable({ cause: "Redis did not answer in time." })),
          }),
          Effect.map(([revoked, version]): Standing => {
            if (revoked > 0) return "revoked"
            if (version === null) return "current"
            return Option.isSome(token.tokenVersion) && version === String(token.tokenVersion.value)
              ? "current"
              : "version-mismatch"
          }),
        ),
    })
  }),
)
