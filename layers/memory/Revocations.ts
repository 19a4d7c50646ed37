import { Clock, Context, Effect, Layer, Option } from "effect"
import { Revocations, type Standing } from "../../src/auth/Revocations.ts"

/** Withdraws tokens in this process: what Plant does by writing to Redis where there is one. */
export class RevocationList extends Context.Service<
  RevocationList,
  {
    readonly revoke: (tokenId: string) => Effect.Effect<void>
    readonly setVersion: (userId: string, version: number) => Effect.Effect<void>
  }
>()("gateway/memory/RevocationList") {}

/** No token lives longer than a day and the leeway, so a revocation need not either. */
const keptMillis = 25 * 3_600_000

/** Known to this process alone, and gone with it. */
export const layer = Layer.effectContext(
  Effect.sync(() => {
    /** When each was revoked, oldest first. */
    const revokedAt = new Map<string, number>()
    const versions = new Map<string, number>()
    return Context.make(RevocationList, {
      revoke: (tokenId) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          for (const [old, at] of revokedAt) {
            if (now - at < keptMillis) break
            revokedAt.delete(old)
          }
          revokedAt.set(tokenId, now)
        }),
      setVersion: (userId, version) => Effect.sync(() => void versions.set(userId, version)),
    }).pipe(
      Context.add(Revocations, {
        check: ({ tokenId, tokenVersion, userId }) =>
          Effect.sync((): Standing => {
            if (Option.isSome(tokenId) && revokedAt.has(tokenId.value)) return "revoked"
            const version = versions.get(userId)
            return version === undefined || Option.contains(tokenVersion, version)
              ? "current"
              : "version-mismatch"
          }),
      }),
    )
  }),
)
