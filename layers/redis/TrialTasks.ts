import { Clock, Effect, Layer } from "effect"
import { Redis } from "effect/persistence"
import { TrialTasks, TrialTasksUnavailable } from "../../src/policy/TrialTasks.ts"

/** Seconds for which a counter outlives its day, so that what is refused around midnight can still be given back. */
const keptSeconds = 3 * 3600

/** The hash tag keeps a customer's counters in one slot of a Redis Cluster. */
const keyOf = (customerId: string, day: string): string => `gateway:trial-tasks:{${customerId}}:${day}`

/** Gives whether the task is allowed, and how many count. Parameters: the key, the limit, seconds to keep it. */
const taking = Redis.script((key: string, limit: number, seconds: number) => [key, limit, seconds], {
  numberOfKeys: 1,
  lua: `
local count = tonumber(redis.call("GET", KEYS[1]) or "0")
if count >= tonumber(ARGV[1]) then return {0, count} end
redis.call("SET", KEYS[1], count + 1, "EX", ARGV[2])
return {1, count + 1}`,
}).withReturnType<readonly [allowed: 0 | 1, count: number]>()

const givingBack = Redis.script((key: string) => [key], {
  numberOfKeys: 1,
  lua: `
if tonumber(redis.call("GET", KEYS[1]) or "0") > 0 then redis.call("DECR", KEYS[1]) end`,
})

/** Counts in Redis, for all instances together. */
export const layer = Layer.effect(
  TrialTasks,
  Effect.gen(function* () {
    const redis = yield* Redis.Redis
    const clock = yield* Clock.Clock
    const take = redis.eval(taking)
    const giveBack = redis.eval(givingBack)

    /** Relative, because Redis has a clock of its own; a counter that it drops too early would start anew. */
    const secondsToKeep = (day: string): number => {
      const dayEnds = Date.parse(`${day}T24:00:00Z`)
      const left = Math.ceil((dayEnds - clock.currentTimeMillisUnsafe()) / 1000)
      return Math.max(left, 0) + keptSeconds
    }

    return TrialTasks.of({
      take: (customerId, day, limit) =>
        take(keyOf(customerId, day), limit, secondsToKeep(day)).pipe(
          Effect.mapBoth({
            onFailure: unavailable,
            onSuccess: ([allowed, count]) => ({ allowed: allowed === 1, count }),
          }),
        ),
      giveBack: (customerId, day) => Effect.mapError(giveBack(keyOf(customerId, day)), unavailable),
    })
  }),
)

const unavailable = (cause: unknown) => new TrialTasksUnavailable({ cause })
