import { Effect, Layer } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import * as MemoryRateLimits from "./memory/RateLimits.ts"
import * as MemoryRevocations from "./memory/Revocations.ts"
import * as IoRedis from "./redis/IoRedis.ts"
import * as RedisRateLimits from "./redis/RateLimits.ts"
import * as RedisRevocations from "./redis/Revocations.ts"

/** What instances share: in Redis, or in this process when it is the only one (`REDIS_LAYER`). */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ redis }) =>
    redis.layer === "ioredis"
      ? Layer.mergeAll(RedisRateLimits.layer, RedisRevocations.layer).pipe(Layer.provide(IoRedis.layer))
      : Layer.mergeAll(MemoryRateLimits.layer, MemoryRevocations.layer),
  ),
)
