import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisSharedDecisions from "../../layers/redis/SharedDecisions.ts"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { decisionKey, sharedName } from "../../src/policy/DecisionKey.ts"
import { SharedDecisions } from "../../src/policy/SharedDecisions.ts"
import { describeLive } from "../Live.ts"
import { startRelay } from "../TcpRelay.ts"
import { untilSeen } from "../Until.ts"
import { away, decide, Engine, instance } from "./World.ts"
import { customer } from "./Requests.ts"

const over = (url: string) =>
  RedisSharedDecisions.layer.pipe(Layer.provideMerge(IoRedis.layerUrl(Redacted.make(url))), Layer.orDie)

/** A request that no other test knows. */
const anyRequest = () => ({ ...customer, subject: randomUUID() })

/** Waits until Redis knows the decision, for Redis is told after the answer. */
const shared = Effect.fnUntraced(function* (request: DecisionRequest) {
  const { get } = yield* SharedDecisions
  const { revision } = yield* Engine
  yield* untilSeen(get(sharedName(decisionKey(revision, request))), Option.isSome)
})

await describeLive("Instances that share decisions in Redis", "TEST_REDIS_URL", (url) => {
  it.live("decide by what another one was told, also while none of them can ask", () =>
    Effect.gen(function* () {
      const one = yield* instance({ shared: over(url) })
      const other = yield* instance({ shared: over(url) })
      const request = anyRequest()
      yield* Effect.andThen(decide(request), shared(request)).pipe(Effect.provide(one))
      yield* Effect.gen(function* () {
        ;(yield* Engine).conduct = away
        assert.strictEqual((yield* decide(request)).source, "cache")
        assert.strictEqual((yield* Effect.flip(decide(anyRequest()))).slug, "service-unavailable")
      }).pipe(Effect.provide(other))
    }),
  )

  it.live("ask the engine where Redis holds garbage", () =>
    Effect.gen(function* () {
      const redis = over(url)
      const one = yield* instance({ shared: redis })
      const request = anyRequest()
      yield* Effect.gen(function* () {
        const client = yield* IoRedis.IoRedis
        const { revision, asked } = yield* Engine
        const name = sharedName(decisionKey(revision, request))
        yield* Effect.promise(() =>
          client.set(`gateway:decision:${name}`, '{"decision":{"allow":true}}', "EX", 60),
        )
        assert.strictEqual((yield* decide(request)).source, "engine")
        assert.lengthOf(asked, 1)
      }).pipe(Effect.provide(one), Effect.provide(redis))
    }),
  )

  it.live(
    "decide without Redis: while it hangs one of many loses a tenth of a second, and the others nothing",
    () =>
      Effect.gen(function* () {
        const relay = yield* startRelay(url)
        const one = yield* instance({ shared: over(relay.url) })
        const other = yield* instance({ shared: over(url) })
        yield* Effect.provide(decide(anyRequest()), one)
        yield* relay.hang
        const timed = Effect.timed(decide(anyRequest())).pipe(Effect.provide(one))
        const [lost] = yield* timed
        assert.isBelow(Duration.toMillis(lost), 300)
        const [rest] = yield* Effect.timed(
          Effect.forEach(Array.from({ length: 50 }), () => Effect.provide(decide(anyRequest()), one)),
        )
        assert.isBelow(Duration.toMillis(rest), 300)

        yield* relay.heal
        // It is found to be back: what the other one was told is known here.
        const source = Effect.gen(function* () {
          const request = anyRequest()
          yield* Effect.provide(decide(request), other)
          return (yield* Effect.provide(decide(request), one)).source
        })
        yield* untilSeen(source, (seen) => seen === "cache")
      }),
  )
})
