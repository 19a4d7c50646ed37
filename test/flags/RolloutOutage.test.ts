import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import { RolloutRefused } from "../../src/flags/RolloutControl.ts"
import type { MemoryDisk } from "./MemoryKeptFlags.ts"
import {
  begin,
  type BothTraffic,
  healthy,
  makeDatabase,
  pass,
  secondsUntil,
  startInstance,
  word,
} from "./RolloutWorld.ts"

const failing: BothTraffic = { canary: { requests: 25, errors: 25 }, control: { requests: 475 } }

/** Two instances of a rollout that goes well, of which the database goes away. */
const outage = Effect.fnUntraced(function* (disk?: MemoryDisk) {
  const database = yield* makeDatabase()
  const here = yield* startInstance(database, disk === undefined ? {} : { disk })
  const elsewhere = yield* startInstance(database)
  yield* begin(here)
  yield* pass(60, healthy, here, elsewhere)
  yield* database.goes
  return { database, here, elsewhere }
})

describe("while the database is away a rollout", () => {
  it.effect(
    "is aborted by the instance that sees it fail, on record once that is possible, and then everywhere",
    () =>
      Effect.gen(function* () {
        const { database, here, elsewhere } = yield* outage()
        const seconds = yield* secondsUntil(() => here.rollout().state === "aborted", failing, here)
        assert.isAtMost(seconds ?? Infinity, 60)
        yield* pass(60, healthy, elsewhere)
        assert.strictEqual(elsewhere.rollout().state, "running")
        assert.deepStrictEqual(database.actions(), ["start"])

        yield* database.comesBack
        yield* pass(10, {}, here, elsewhere)
        assert.strictEqual(elsewhere.rollout().state, "aborted")
        assert.deepStrictEqual(database.actions(), ["start", "abort"])
        const { after, evidence } = database.store.events[1] ?? assert.fail("nothing is on record")
        assert.deepStrictEqual(after, here.rollout())
        assert.deepInclude(Option.getOrThrow(evidence), { verdict: "broken", scope: "this-instance" })

        const [, ...audited] = here.audited
        assert.deepStrictEqual(
          audited.map(({ name, severity, details }) => [name, severity, details["on_record"]]),
          [["rollout_aborted", "CRITICAL", false]],
        )
        const [aborted, onRecord, ...more] = here.logged.filter((line) => !line.includes("flags"))
        assert.match(
          aborted ?? "",
          /^Error: The rollout was aborted: it is aborted, as analysis said: The canary's .* alone until the database can be told\.$/,
        )
        assert.strictEqual(
          onRecord,
          "Info: The abort of the rollout is on record now, and holds on every instance.",
        )
        assert.deepStrictEqual(more, [])
        yield* pass(60, {}, here, elsewhere)
        assert.lengthOf(here.audited, 2)
        assert.lengthOf(elsewhere.audited, 0)
      }),
  )

  it.effect("is what somebody else made of it meanwhile, and the abort here is nothing any more", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      yield* secondsUntil(() => here.rollout().state === "aborted", failing, here)
      database.store.state = "there"
      yield* database.becomes({ state: "paused" })
      yield* database.comesBack
      yield* pass(10, {}, here)
      assert.strictEqual(here.rollout().state, "paused")
      assert.deepStrictEqual(database.actions(), ["start", "set"])
      assert.include(
        here.logged.at(-1),
        "Warn: The rollout was changed elsewhere before its abort here could be put on record. It is paused at canary_5pct",
      )
    }),
  )

  it.effect("is not steered on from an abort here that somebody else has overtaken", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      yield* here.control.abort(word)
      database.store.state = "there"
      yield* database.becomes({ state: "paused" })
      yield* database.isHeard(false)
      yield* database.comesBack
      const advancing = here.control.advance({ ...word, to: Option.none(), automatic: Option.none() })
      const refused = yield* Effect.flip(advancing)
      assert.instanceOf(refused, RolloutRefused)
      assert.deepStrictEqual(database.actions(), ["start", "set"])
      assert.strictEqual(here.rollout().state, "paused")
    }),
  )

  it.effect("goes no further, however well it goes here", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      yield* pass(1200, healthy, here)
      assert.strictEqual(here.rollout().state, "running")
      yield* database.comesBack
      yield* pass(10, {}, here)
      assert.deepStrictEqual(database.actions(), ["start", "advance"])
    }),
  )

  it.effect("is not judged inconclusive for the little that one instance sees", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const here = yield* startInstance(database)
      yield* begin(here)
      yield* pass(5)
      yield* database.goes
      yield* pass(1200, {}, here)
      assert.strictEqual(here.rollout().state, "running")
    }),
  )

  it.effect("loses nothing that was seen", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      yield* pass(300, healthy, here)
      yield* database.comesBack
      yield* pass(300, {}, here)
      const { evidence } = database.store.events[1] ?? assert.fail("it has not advanced")
      // 55 of the first 60 seconds at two instances, and 300 here; the rest is still to come from elsewhere.
      assert.deepInclude(Option.getOrThrow(evidence), {
        requests: { canary: 5 * (2 * 55 + 300), control: 95 * (2 * 55 + 300) },
      })
    }),
  )

  it.effect("that was aborted here alone is put on record after a restart too", () =>
    Effect.gen(function* () {
      const disk: MemoryDisk = { kept: undefined }
      const database = yield* makeDatabase()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* startInstance(database, { disk })
          yield* begin(first)
          yield* pass(60, healthy, first)
          yield* database.goes
          yield* secondsUntil(() => first.rollout().state === "aborted", failing, first)
          yield* pass(5)
        }),
      )
      const second = yield* startInstance(database, { disk })
      assert.strictEqual(second.rollout().state, "aborted")
      yield* pass(30, {}, second)
      assert.deepStrictEqual(database.actions(), ["start"])
      yield* database.comesBack
      yield* pass(10, {}, second)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
      yield* pass(60, {}, second)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
    }),
  )

  it.effect("whose abort is done though its answer is lost is aborted once", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const here = yield* startInstance(database)
      yield* begin(here)
      yield* pass(60, healthy, here)
      database.store.state = "answers-lost"
      yield* secondsUntil(() => database.actions().includes("abort"), failing, here)
      yield* pass(30, {}, here)
      assert.strictEqual(here.rollout().state, "aborted")
      database.store.state = "there"
      yield* pass(30, {}, here)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
      assert.match(
        here.logged.at(-1) ?? "",
        /^Error: The rollout was aborted: it is aborted, as analysis said: /,
      )
      assert.notInclude(here.logged.at(-1), "on this instance alone")
    }),
  )

  it.effect("is aborted by a person at once, and by nobody twice", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      database.store.state = "hangs"
      const aborting = yield* Effect.forkChild(
        Effect.all([here.control.abort(word), here.control.abort(word)], { concurrency: "unbounded" }),
      )
      yield* pass(5, {}, here)
      for (const { rollout, stored } of yield* Fiber.join(aborting)) {
        assert.deepInclude(rollout, { state: "aborted", cohort: Option.none(), updatedBy: "staff-1" })
        assert.isFalse(stored)
      }
      assert.strictEqual(here.rollout().state, "aborted")
      assert.lengthOf(
        here.audited.filter(({ name }) => name === "rollout_aborted"),
        1,
      )
      const refused = yield* Effect.flip(here.control.abort(word))
      assert.strictEqual(refused.message, "The rollout is aborted. There is nothing to abort.")
      yield* database.comesBack
      yield* pass(10, {}, here)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
    }),
  )

  it.effect("is watched again after whatever went wrong", () =>
    Effect.gen(function* () {
      const database = yield* makeDatabase()
      const here = yield* startInstance(database)
      yield* begin(here)
      database.store.state = "dies"
      yield* pass(60, healthy, here)
      assert.include(here.logged, "Warn: A look at the rollout failed; the next follows.")
      database.store.state = "there"
      yield* secondsUntil(() => here.rollout().state === "aborted", failing, here)
      assert.deepStrictEqual(database.actions(), ["start", "abort"])
    }),
  )

  it.effect("is steered no other way", () =>
    Effect.gen(function* () {
      const { database, here } = yield* outage()
      const { advance, pause } = here.control
      const rest = { to: Option.none(), automatic: Option.none() }
      for (const refused of [
        yield* Effect.flip(pause(word)),
        yield* Effect.flip(advance({ ...word, ...rest })),
      ])
        assert.instanceOf(refused, FlagsUnavailable)
      assert.deepStrictEqual(database.actions(), ["start"])
      assert.strictEqual(here.rollout().state, "running")
    }),
  )
})
