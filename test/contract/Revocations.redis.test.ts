import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Redacted, Schedule } from "effect"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisRevocations from "../../layers/redis/Revocations.ts"
import { Revocations, RevocationsUnavailable } from "../../src/auth/Revocations.ts"
import { describeLive } from "../Live.ts"
import { startRelay, type TcpRelay } from "../TcpRelay.ts"
import { revocationsContract, Withdrawals } from "./Revocations.ts"

const over = (url: string) =>
  RedisRevocations.layer.pipe(Layer.provideMerge(IoRedis.layerUrl(Redacted.make(url))))

/** Writes as Plant does. */
const withdrawals = Layer.effect(
  Withdrawals,
  Effect.map(IoRedis.IoRedis, (client) => ({
    revoke: (tokenId) => Effect.promise(() => client.set(`revoked_access:${tokenId}`, "1", "EX", 60)),
    setVersion: (userId, version) =>
      Effect.promise(() => client.set(`token_version:${userId}`, String(version), "EX", 60)),
  })),
)

const token = { tokenId: Option.some("token-1"), userId: "user-7", tokenVersion: Option.none() }

await describeLive("Revocations in Redis", "TEST_REDIS_URL", (url) => {
  const world = withdrawals.pipe(Layer.provideMerge(over(url)))
  revocationsContract(world)

  it.live.each(["", "1.0", "01", " 1", "one", "-"])("a version that reads %j fits no token", (text) =>
    Effect.gen(function* () {
      const client = yield* IoRedis.IoRedis
      const { check } = yield* Revocations
      const key = { ...token, userId: `unreadable-${text}`, tokenVersion: Option.some(1) }
      yield* Effect.promise(() => client.set(`token_version:${key.userId}`, text, "EX", 60))
      assert.strictEqual(yield* check(key), "version-mismatch")
    }).pipe(Effect.provide(world)),
  )
})

/** The failure, and how long it took to come. */
const failureOf = Effect.gen(function* () {
  const { check } = yield* Revocations
  const [took, failure] = yield* Effect.timed(Effect.flip(check(token)))
  assert.instanceOf(failure, RevocationsUnavailable)
  return Duration.toMillis(took)
})

/** Waits until Redis answers again. */
const recovered = Revocations.use(({ check }) => check(token)).pipe(
  Effect.retry(Schedule.spaced("20 millis")),
  Effect.timeout("5 seconds"),
)

describe("Revocations while Redis is away", () => {
  it.live("start all the same, and fail at once where nothing listens", () =>
    Effect.gen(function* () {
      assert.isBelow(yield* failureOf, 200)
    }).pipe(Effect.provide(over("redis://127.0.0.1:1"))),
  )

  it.live("start all the same, and fail in time where somebody listens and never answers", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay("redis://127.0.0.1:1")
      yield* relay.hang
      yield* Effect.gen(function* () {
        assert.isBelow(yield* failureOf, 1500)
      }).pipe(Effect.provide(over(relay.url)))
    }),
  )
})

await describeLive("Revocations while a Redis that was there", "TEST_REDIS_URL", (url) => {
  const behindRelay = <A, E>(test: (relay: TcpRelay) => Effect.Effect<A, E, Revocations>) =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      yield* test(relay).pipe(Effect.provide(over(relay.url)))
    })

  it.live("hangs (as with SIGSTOP) fail in time, each of many at once, and are right again afterwards", () =>
    behindRelay((relay) =>
      Effect.gen(function* () {
        yield* recovered
        yield* relay.hang
        const waits = yield* Effect.all(
          Array.from({ length: 100 }, () => failureOf),
          { concurrency: "unbounded" },
        )
        assert.isBelow(Math.max(...waits), 1500)
        yield* relay.heal
        assert.strictEqual(yield* recovered, "current")
      }),
    ),
  )

  it.live("is gone fail at once, nothing is queued for its return, and are right again afterwards", () =>
    behindRelay((relay) =>
      Effect.gen(function* () {
        yield* recovered
        yield* relay.vanish
        for (let i = 0; i < 20; i++) assert.isBelow(yield* failureOf, 200)
        yield* relay.heal
        assert.strictEqual(yield* recovered, "current")
      }),
    ),
  )
})
