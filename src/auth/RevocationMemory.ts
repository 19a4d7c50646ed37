import { Clock, Effect, Metric, Result } from "effect"
import { BoundedMemory } from "../primitives/BoundedMemory.ts"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import type { RevocableToken, Revocations, Standing } from "./Revocations.ts"

/**
 * What is known of the tokens' standing, and how long it may be relied on (SPEC 3).
 *
 * While the port answers, `current` holds for `freshSeconds`. While it is away, a known `current` holds for
 * `staleSeconds`; after that the standing is `unknown`, which is neither open nor closed: `AuthStage` decides by
 * method. What is known to be withdrawn stays so however old the answer is.
 */
export interface RevocationMemory {
  /** Whether the token was current so recently that nobody needs to ask. `now` is `monotonicMillis`. */
  readonly isCurrent: (digest: string, now: number) => boolean
  /** The best answer there is; asks the port unless the answer is fresh or the port is away. */
  readonly standing: (digest: string, token: RevocableToken) => Effect.Effect<Standing | "unknown">
}

/** While the port is away one request a second finds out whether it is back; no other waits for it. */
const pauseMillis = 1000

/** Requests for which no revocation answer could be had from the port, by what stood in for it. */
const unanswered = Metric.counter("gateway_auth_revocation_unanswered_total", {
  description: "Requests whose token's revocation could not be asked, by what was known instead",
  incremental: true,
})

export const makeRevocationMemory = (options: {
  readonly port: Revocations["Service"]
  readonly freshSeconds: number
  readonly staleSeconds: number
  readonly capacity: number
}): RevocationMemory => {
  const freshMillis = options.freshSeconds * 1000
  const staleMillis = options.staleSeconds * 1000
  const known = new BoundedMemory<{ readonly standing: Standing; readonly at: number }>(options.capacity)
  let away = false
  let askAgainAt = 0

  const standIn = (digest: string, now: number): Effect.Effect<Standing | "unknown"> => {
    const last = known.get(digest)
    const standing =
      last === undefined || (last.standing === "current" && now - last.at >= staleMillis)
        ? "unknown"
        : last.standing
    return Effect.as(Metric.update(Metric.withAttributes(unanswered, { known: standing }), 1), standing)
  }

  return {
    isCurrent: (digest, now) => {
      const last = known.get(digest)
      return last !== undefined && last.standing === "current" && now - last.at < freshMillis
    },
    standing: Effect.fnUntraced(function* (digest, token) {
      const clock = yield* Clock.Clock
      const asked = monotonicMillis(clock)
      const last = known.get(digest)
      if (last !== undefined && asked - last.at < freshMillis) return last.standing
      if (away) {
        if (asked < askAgainAt) return yield* standIn(digest, asked)
        askAgainAt = asked + pauseMillis
      }
      const answer = yield* Effect.result(options.port.check(token))
      if (Result.isFailure(answer)) {
        // Fails to what is known, within its bound; the counter above shows it.
        if (!away)
          yield* Effect.logWarning("Revocations are unavailable; what is known is used.", answer.failure)
        away = true
        askAgainAt = monotonicMillis(clock) + pauseMillis
        return yield* standIn(digest, monotonicMillis(clock))
      }
      if (away) yield* Effect.logInfo("Revocations are available again.")
      away = false
      known.set(digest, { standing: answer.success, at: asked })
      return answer.success
    }),
  }
}
