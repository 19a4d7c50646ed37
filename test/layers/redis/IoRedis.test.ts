import { assert, it } from "@effect/vitest"
import { Effect, Queue, Redacted, Schedule } from "effect"
import { Redis } from "effect/persistence"
import { randomUUID } from "node:crypto"
import * as IoRedis from "../../../layers/redis/IoRedis.ts"
import { describeLive } from "../../Live.ts"

const echo = Redis.script((key: string, value: string) => [key, value], {
  numberOfKeys: 1,
  lua: "redis.call('SET', KEYS[1], ARGV[1], 'EX', 60); return redis.call('GET', KEYS[1])",
}).withReturnType<string>()

await describeLive("the Redis service on ioredis", "TEST_REDIS_URL", (url) => {
  const world = IoRedis.layerUrl(Redacted.make(url))

  it.live("sends commands and runs scripts, also after Redis forgot them", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const key = `test:${randomUUID()}`
      assert.strictEqual(yield* redis.eval(echo)(key, "one"), "one")
      assert.strictEqual(yield* redis.send("GET", key), "one")
      yield* redis.send("SCRIPT", "FLUSH")
      assert.strictEqual(yield* redis.eval(echo)(key, "two"), "two")
    }).pipe(Effect.provide(world)),
  )

  it.live("passes on what is published", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const channel = `test:${randomUUID()}`
      const messages = yield* redis.subscribe(channel)
      const receivers = yield* redis
        .send<number>("PUBLISH", channel, "hello")
        .pipe(
          Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: (count) => count > 0 }),
          Effect.timeout("5 seconds"),
        )
      assert.strictEqual(receivers, 1)
      assert.deepStrictEqual(yield* Queue.take(messages), { channel, message: "hello" })
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.live("lends a connection that may block longer than a command may take", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const key = `test:${randomUUID()}`
      const connection = yield* redis.reserve
      assert.isNull(yield* connection.send("BLPOP", key, "0.7"))
      assert.strictEqual(yield* redis.send("PING"), "PONG")
    }).pipe(Effect.scoped, Effect.provide(world)),
  )

  it.live("fails a command that Redis refuses", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const failure = yield* Effect.flip(redis.send("NO-SUCH-COMMAND"))
      assert.include(String(failure.cause), "unknown command")
    }).pipe(Effect.provide(world)),
  )
})
