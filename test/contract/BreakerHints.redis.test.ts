import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Option, Redacted } from "effect"
import { Redis } from "effect/persistence"
import * as RedisBreakerHints from "../../layers/redis/BreakerHints.ts"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import { BreakerHints, BreakerHintsUnavailable } from "../../src/rollback/BreakerHints.ts"
import { describeLive } from "../Live.ts"
import {
  anyDependency,
  breakerHintsContract,
  forcedHint,
  listening,
  listeningSurely,
  releaseHint,
} from "./BreakerHints.ts"
import { startRelay } from "../TcpRelay.ts"
import { until } from "../Until.ts"

const over = (url: string) =>
  RedisBreakerHints.layer.pipe(Layer.provideMerge(IoRedis.layerUrl(Redacted.make(url))))

/** One instance of the gateway: hints and a connection of its own. */
const instance = (url: string) => Layer.build(Layer.fresh(over(url)))

const publish = (hint: Parameters<BreakerHints["Service"]["publish"]>[0]) =>
  BreakerHints.use((hints) => hints.publish(hint))

await describeLive("BreakerHints in Redis", "TEST_REDIS_URL", (url) => {
  breakerHintsContract(over(url))

  it.live("are heard by every instance", () =>
    Effect.gen(function* () {
      const dependency = anyDependency()
      const [one, other] = [yield* instance(url), yield* instance(url)]
      const heard = yield* Effect.provideContext(listeningSurely(dependency), other)
      yield* Effect.provideContext(publish({ kind: "opened", dependency }), one)
      yield* until(() => heard.some(({ kind }) => kind === "opened"))
    }),
  )

  it.live("that nobody can read are ignored, and the next is heard", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const dependency = anyDependency()
      const heard = yield* listeningSurely(dependency)
      const forced = { state: "open", reason: "", by: "staff-2", since: 1, until: 1e300 }
      const messages = [
        "",
        "{",
        "null",
        `{"kind":"opened"}`,
        JSON.stringify({ kind: "later", dependency }),
        JSON.stringify({ kind: "forced", dependency, at: 1, forced }),
        JSON.stringify({
          kind: "forced",
          dependency,
          at: 1,
          forced: { ...forced, state: "half-open", until: 2 },
        }),
      ]
      for (const message of messages) yield* redis.send("PUBLISH", "gateway:breakers", message)
      yield* publish({ kind: "opened", dependency })
      yield* until(() => heard.length > 0)
      assert.deepStrictEqual(heard, [{ kind: "opened", dependency }])
    }).pipe(Effect.scoped, Effect.provide(over(url))),
  )

  it.live(
    "that were lost are heard all the same when forced, and what Redis has forgotten is not released",
    () =>
      Effect.gen(function* () {
        const redis = yield* Redis.Redis
        const [forgotten, lost] = [anyDependency(), anyDependency()]
        const heardOfForgotten = yield* listeningSurely(forgotten)
        const heardOfLost = yield* listeningSurely(lost)
        const at = yield* Clock.currentTimeMillis
        yield* publish(forcedHint(forgotten, at))
        yield* redis.send("HDEL", "gateway:breakers:forced", forgotten)
        const { forced, ...word } = forcedHint(lost, at)
        const kept = JSON.stringify({ ...word, forced: Option.getOrNull(forced) })
        yield* redis.send("HSET", "gateway:breakers:forced", lost, kept)
        yield* until(() => heardOfLost.length > 0)
        assert.deepStrictEqual(heardOfLost, [forcedHint(lost, at)])
        assert.deepStrictEqual(heardOfForgotten, [forcedHint(forgotten, at)])
      }).pipe(Effect.scoped, Effect.provide(over(url))),
  )

  it.live("keep what is forced no longer than it holds", () =>
    Effect.gen(function* () {
      const redis = yield* Redis.Redis
      const at = yield* Clock.currentTimeMillis
      yield* publish(forcedHint(anyDependency(), at))
      assert.isAbove(yield* redis.send<number>("PTTL", "gateway:breakers:forced"), 0)
    }).pipe(Effect.provide(over(url))),
  )
})

await describeLive("BreakerHints while Redis is away", "TEST_REDIS_URL", (url) => {
  it.live("fail at once, and are heard again when it is back, with what was forced meanwhile", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      const behind = yield* instance(relay.url)
      const beside = yield* instance(url)
      const [forced, released] = [anyDependency(), anyDependency()]
      const at = yield* Clock.currentTimeMillis
      yield* Effect.provideContext(publish(forcedHint(released, at)), beside)
      const heard = yield* Effect.provideContext(listeningSurely(forced), behind)
      const heardOfReleased = yield* Effect.provideContext(listeningSurely(released), behind)
      assert.deepStrictEqual(heardOfReleased, [forcedHint(released, at)])

      yield* relay.vanish
      const [took, failure] = yield* Effect.timed(
        Effect.flip(Effect.provideContext(publish({ kind: "opened", dependency: forced }), behind)),
      )
      assert.instanceOf(failure, BreakerHintsUnavailable)
      assert.isBelow(Duration.toMillis(took), 1000)
      yield* Effect.provideContext(publish(forcedHint(forced, at)), beside)
      yield* Effect.provideContext(publish(releaseHint(released, at + 1)), beside)

      yield* relay.heal
      yield* until(() => heard.length === 1 && heardOfReleased.length === 2)
      assert.deepStrictEqual(heard, [forcedHint(forced, at)])
      assert.deepStrictEqual(heardOfReleased.at(-1), releaseHint(released, at + 1))
      yield* Effect.repeat(
        Effect.andThen(
          Effect.provideContext(publish({ kind: "opened", dependency: forced }), beside),
          Effect.sleep("20 millis"),
        ),
        { until: () => heard.length > 1 },
      )
    }),
  )

  it.live("let an instance start, which hears of everything once it is there", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      yield* relay.vanish
      const behind = yield* instance(relay.url)
      const dependency = anyDependency()
      const heard = yield* Effect.provideContext(listening(dependency), behind)
      const at = yield* Clock.currentTimeMillis
      const beside = yield* instance(url)
      yield* Effect.provideContext(publish(forcedHint(dependency, at)), beside)
      assert.deepStrictEqual(heard, [])

      yield* relay.heal
      yield* Effect.repeat(
        Effect.andThen(
          Effect.provideContext(publish({ kind: "opened", dependency }), beside),
          Effect.sleep("20 millis"),
        ),
        { until: () => heard.some(({ kind }) => kind === "opened") },
      )
      yield* until(() => heard.some(({ kind }) => kind === "forced"))
    }),
  )
})
