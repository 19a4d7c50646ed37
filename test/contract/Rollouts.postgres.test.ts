import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import * as Database from "../../layers/postgres/Database.ts"
import * as PostgresRollouts from "../../layers/postgres/Rollouts.ts"
import { FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import { type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import { bySpan, nothingSeen } from "../../src/flags/Samples.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { describeLive } from "../Live.ts"
import { startRelay } from "../TcpRelay.ts"
import { rolloutsContract } from "./Rollouts.ts"
import { rolloutsByHandContract } from "./RolloutsByHand.ts"

const over = (url: string) =>
  Layer.provideMerge(PostgresRollouts.layer, Database.layerUrl(Redacted.make(url), 10))

/** One instance of the gateway: a pool of its own. */
const instance = (url: string) =>
  Effect.map(Layer.build(Layer.fresh(over(url))), (context) => Context.get(context, Rollouts))

const start: RolloutEvent = {
  action: "start",
  before: Option.none(),
  after: {
    state: "running",
    cohort: Option.some("canary_5pct"),
    automatic: true,
    step: 1,
    stepStartedAt: 1_767_225_600_000,
    updatedAt: 1_767_225_600_000,
    updatedBy: "staff-1",
    reason: "Let us begin.",
    version: 1,
  },
  evidence: Option.none(),
}

await describeLive("Rollouts in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  const world = Layer.unwrap(Effect.map(ownSchema(url), over))
  rolloutsContract(world)
  rolloutsByHandContract(Layer.fresh(world))

  it.effect("are started once by all instances together", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const instances = [yield* instance(own), yield* instance(own), yield* instance(own)]
      const outcomes = yield* Effect.all(
        instances.flatMap(({ change }) => Array.from({ length: 10 }, () => change(start))),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        outcomes.filter((won) => won),
        1,
      )
    }),
  )
})

/** Until PostgreSQL answers. */
const once = <A>(question: Effect.Effect<A, FlagsUnavailable>) =>
  question.pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.timeout("20 seconds"))

/** How long every method takes to fail, in milliseconds. */
const failuresOf = ({ change, history, seen, tell }: Rollouts["Service"]) =>
  Effect.gen(function* () {
    const calls: ReadonlyArray<Effect.Effect<unknown, FlagsUnavailable>> = [
      change(start),
      history(1),
      tell({ step: 1, instance: randomUUID(), until: 0, seen: bySpan(() => nothingSeen) }),
      seen(
        1,
        bySpan(() => 0),
      ),
    ]
    return yield* Effect.all(
      calls.map((call) =>
        Effect.map(Effect.timed(Effect.flip(call)), ([took, failure]) => {
          assert.instanceOf(failure, FlagsUnavailable)
          return Duration.toMillis(took)
        }),
      ),
      { concurrency: "unbounded" },
    )
  })

describe("Rollouts while PostgreSQL is away", () => {
  it.live("start all the same, and fail in time", () =>
    Effect.gen(function* () {
      const [took, rollouts] = yield* Effect.timed(instance("postgres://gateway@127.0.0.1:1/gateway"))
      assert.isBelow(Duration.toMillis(took), 500)
      assert.isBelow(Math.max(...(yield* failuresOf(rollouts))), 2500)
    }),
  )
})

await describeLive("Rollouts while a PostgreSQL that was there", "TEST_DATABASE_URL", (url) => {
  it.live("hangs fail in time, and are right again afterwards", () =>
    Effect.gen(function* () {
      const relay = yield* Effect.flatMap(ownSchema(url), startRelay)
      const rollouts = yield* instance(relay.url)
      yield* once(rollouts.history(1))
      assert.isTrue(yield* rollouts.change(start))
      yield* relay.hang
      assert.isBelow(Math.max(...(yield* failuresOf(rollouts))), 2500)
      yield* relay.heal
      assert.deepStrictEqual(yield* once(rollouts.history(10)), [start])
    }),
  )
})
