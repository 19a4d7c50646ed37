import { Effect, Layer } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import * as MemoryBreakerHints from "./memory/BreakerHints.ts"
import * as MemoryRateLimits from "./memory/RateLimits.ts"
import * as MemoryRevocations from "./memory/Revocations.ts"
import * as MemorySharedDecisions from "./memory/SharedDecisions.ts"
import * as MemoryTrialTasks from "./memory/TrialTasks.ts"
import * as RedisBreakerHints from "./redis/BreakerHints.ts"
import * as IoRedis from "./redis/IoRedis.ts"
import * as RedisRateLimits from "./redis/RateLimits.ts"
import * as RedisRevocations from "./redis/Revocations.ts"
import * as RedisSharedDecisions from "./redis/SharedDecisions.ts"
import * as RedisTrialTasks from "./redis/TrialTasks.ts"

/** What instances share: in Redis, or in this process when it is the only one (`REDIS_LAYER`). */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ redis }) =>
    redis.layer === "ioredis"
      ? Layer.mergeAll(
          RedisRateLimits.layer,
          RedisRevocations.layer,
          RedisTrialTasks.layer,
          RedisSharedDecisions.layer,
          RedisBreakerHints.layer,
        ).pipe(Layer.provide(IoRedis.layer))
      : Layer.mergeAll(
          MemoryRateLimits.layer,
          MemoryRevocations.layer,
          MemoryTrialTasks.layer,
          MemorySharedDecisions.layer,
          MemoryBreakerHints.layer,
        ),
  ),
)
