import { Context, type Duration, type Effect } from "effect"

export interface Taken {
  readonly allowed: boolean
  /** Until the next request may pass; zero when allowed. */
  readonly retryAfter: Duration.Duration
}

/**
 * Counts requests against a limit. `take` counts one request for `key` and never fails: a layer whose store is
 * away counts in this process until the store is back, so a limit may then be as loose as limit x instances.
 */
export class RateLimits extends Context.Service<
  RateLimits,
  {
    readonly take: (key: string, limit: number, window: Duration.Input) => Effect.Effect<Taken>
  }
>()("gateway/http/RateLimits") {}
