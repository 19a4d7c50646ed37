import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Option, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisSharedDecisions from "../../layers/redis/SharedDecisions.ts"
import { SharedDecisions, SharedDecisionsUnavailable } from "../../src/policy/SharedDecisions.ts"
import { describeLive } from "../Live.ts"
import { allowed, sharedDecisionsContract } from "./SharedDecisions.ts"
import { startRelay } from "../TcpRelay.ts"

const over = (url: string) =>
  RedisSharedDecisions.layer.pipe(Layer.provideMerge(IoRedis.layerUrl(Redacted.make(url))))

/** How long a failure took to come. */
const failing = Effect.gen(function* () {
  const { get, set } = yield* SharedDecisions
  const [took] = yield* Effect.timed(
    Effect.gen(function* () {
      assert.instanceOf(yield* Effect.flip(get("any")), SharedDecisionsUnavailable)
      const kept = set("any", { decision: allowed, decidedAt: 0 }, 60)
      assert.instanceOf(yield* Effect.flip(kept), SharedDecisionsUnavailable)
    }),
  )
  return Duration.toMillis(took)
})

const entry = { decision: allowed, decidedAt: 5 }

/** What is in Redis, and is no decision. */
const garbage: ReadonlyArray<readonly [name: string, text: string]> = [
  ["nothing", ""],
  ["no JSON", "{allow: true}"],
  ["null", "null"],
  ["a bare yes", "true"],
  ["a list", "[]"],
  ["a decision without its time", JSON.stringify({ decision: allowed })],
  ["a time without a decision", JSON.stringify({ decidedAt: 5 })],
  ["a time that is text", JSON.stringify({ ...entry, decidedAt: "5" })],
  ["an allowance and no more", JSON.stringify({ decidedAt: 5, decision: { allow: true } })],
  ["an allowance with reasons", JSON.stringify({ ...entry, decision: { ...allowed, reasons: [{}] } })],
  ["an obligation that is not known", JSON.stringify(entry).replace("consume_approval", "notify")],
  ["half of a decision", JSON.stringify(entry).slice(0, -20)],
]

await describeLive("SharedDecisions in Redis", "TEST_REDIS_URL", (url) => {
  sharedDecisionsContract(over(url))

  it.live.each(garbage)("what is no decision is not found: %s", ([, text]) =>
    Effect.gen(function* () {
      const client = yield* IoRedis.IoRedis
      const { get } = yield* SharedDecisions
      const key = `garbage-${randomUUID()}`
      yield* Effect.promise(() => client.set(`gateway:decision:${key}`, text, "EX", 60))
      assert.isTrue(Option.isNone(yield* get(key)))
      yield* Effect.promise(() => client.set(`gateway:decision:${key}`, JSON.stringify(entry), "EX", 60))
      assert.deepStrictEqual(yield* get(key), Option.some(entry))
    }).pipe(Effect.provide(over(url))),
  )

  it.live("a Redis that hangs fails each of many within 100 ms, and serves again afterwards", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay(url)
      yield* Effect.gen(function* () {
        const { get } = yield* SharedDecisions
        yield* Effect.retry(get("any"), Schedule.spaced("20 millis"))
        yield* relay.hang
        const waits = yield* Effect.all(
          Array.from({ length: 50 }, () => failing),
          { concurrency: "unbounded" },
        )
        // Two commands one after the other.
        assert.isBelow(Math.max(...waits), 400)
        yield* relay.heal
        yield* Effect.retry(get("any"), Schedule.spaced("20 millis")).pipe(Effect.timeout("5 seconds"))
      }).pipe(Effect.provide(over(relay.url)))
    }),
  )
})

describe("SharedDecisions without a Redis that was ever there", () => {
  it.live("fail at once", () =>
    Effect.gen(function* () {
      assert.isBelow(yield* failing, 200)
    }).pipe(Effect.provide(over("redis://127.0.0.1:1"))),
  )
})
