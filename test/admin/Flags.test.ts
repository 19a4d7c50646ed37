import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Option } from "effect"
import { TestClock } from "effect/testing"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { FlagStore } from "../../src/flags/FlagStore.ts"
import { Recorded } from "../rollback/World.ts"
import { correlationId, world } from "./AdminUnderTest.ts"
import { act, all, disable, get, read, rowIn, wish, write, written } from "./FlagsAsked.ts"
import { answeringLate } from "./FlagsWorld.ts"

const byRow = { because: "row", middleware: all }

const eventsOf = (query: string) =>
  Effect.map(
    get(`/history${query}`),
    // As the schema of the answer has it.
    (json) => json["events"] as ReadonlyArray<Readonly<Record<string, unknown>>>,
  )

describe("The admin API's flags", () => {
  it.effect("are written, and hold at once for who has written them", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(60_000)
      const body = {
        ...wish,
        gateway_enabled: false,
        middleware: { policy: false },
        rollout_cohort: "pilots",
      }
      const { status, json } = yield* write("customer-1", body)
      const { version, ...row } = rowIn(json)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(row, {
        customer_id: "customer-1",
        gateway_enabled: false,
        middleware: { rbac: true, policy: false, budget: true },
        rollout_cohort: "pilots",
        updated_at: "1970-01-01T00:01:00.000Z",
        updated_by: "engineer-1",
      })
      assert.isNull(json["before"])
      assert.deepInclude(json["holds"], { to: "direct", because: "row" })
      const { json: found } = yield* read("customer-1")
      assert.deepStrictEqual(found, {
        customer_id: "customer-1",
        row_known: true,
        row: { ...row, version },
        holds: json["holds"],
      })
    }).pipe(Effect.provide(world())),
  )

  it.effect("have every layer on that is not said to be off, and no cohort unless said", () =>
    Effect.gen(function* () {
      const first = yield* written("customer-1", {
        ...wish,
        middleware: { rbac: false },
        rollout_cohort: "a",
      })
      const second = yield* written("customer-1", { ...wish, version: first.version })
      assert.deepInclude(second, { middleware: all, rollout_cohort: null })
    }).pipe(Effect.provide(world())),
  )

  it.effect("say what holds for a customer who has no row, and why", () =>
    Effect.gen(function* () {
      const { json } = yield* read("customer-1")
      assert.deepInclude(json, { row: null, row_known: true })
      assert.deepInclude(json["holds"], { to: "gateway", because: "default", middleware: all })
    }).pipe(Effect.provide(world())),
  )

  it.effect("put each change on record: who, of whom, why, and what was there before", () =>
    Effect.gen(function* () {
      const { version } = yield* written("customer-1")
      yield* write("customer-1", { ...wish, version, rollout_cohort: "pilots", reason: "They are pilots." })
      const values = { gateway_enabled: true, middleware: allMiddleware, rollout_cohort: null }
      assert.deepStrictEqual((yield* Recorded).at(-1), {
        kind: "operations",
        name: "flags_changed",
        severity: "INFO",
        correlationId: Option.some(correlationId),
        userId: Option.some("engineer-1"),
        customerId: Option.some("customer-1"),
        details: {
          reason: "They are pilots.",
          before: values,
          after: { ...values, rollout_cohort: "pilots" },
        },
      })
    }).pipe(Effect.provide(world())),
  )

  it.effect("put a change on record, also when who made it goes away before the answer", () => {
    const answering = Latch.makeUnsafe(false)
    return Effect.gen(function* () {
      const { find } = yield* FlagStore
      const writer = yield* Effect.forkChild(write("customer-1"))
      yield* Effect.repeat(find("customer-1"), { until: Option.isSome })
      const leaving = yield* Effect.forkChild(Fiber.interrupt(writer))
      assert.isEmpty(yield* Recorded)
      yield* answering.open
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(
        (yield* Recorded).map(({ name }) => name),
        ["flags_changed"],
      )
    }).pipe(Effect.provide(world({ flags: answeringLate(answering) })))
  })

  it.effect("are not changed by who has read an earlier version: 409 shows the present one", () =>
    Effect.gen(function* () {
      const first = yield* written("customer-1")
      const second = yield* written("customer-1", {
        ...wish,
        version: first.version,
        rollout_cohort: "pilots",
      })
      const events = (yield* Recorded).length
      for (const version of [first.version, null, "nonsense"]) {
        const { slug, extensions } = yield* Effect.flip(write("customer-1", { ...wish, version }))
        assert.strictEqual(slug, "conflict")
        assert.deepStrictEqual(extensions, { version: second.version, row: second })
      }
      const stale = { reason: "It is over.", version: first.version }
      assert.strictEqual((yield* Effect.flip(act("remove", "customer-1", stale))).slug, "conflict")
      assert.deepStrictEqual(rowIn((yield* read("customer-1")).json), second)
      assert.lengthOf(yield* Recorded, events)
    }).pipe(Effect.provide(world())),
  )

  it.effect("are not changed where there is no row any more: 409 shows that there is none", () =>
    Effect.gen(function* () {
      const { slug, extensions } = yield* Effect.flip(write("customer-1", { ...wish, version: "1" }))
      assert.strictEqual(slug, "conflict")
      assert.deepStrictEqual(extensions, { version: null, row: null })
    }).pipe(Effect.provide(world())),
  )

  it.effect("are changed by one of many who have read the same version", () =>
    Effect.gen(function* () {
      const { version } = yield* written("customer-1")
      const outcomes = yield* Effect.all(
        Array.from({ length: 8 }, (_, n) =>
          Effect.exit(write("customer-1", { ...wish, version, rollout_cohort: `writer ${n}` })),
        ),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(
        outcomes.filter(({ _tag }) => _tag === "Success"),
        1,
      )
      assert.strictEqual((yield* Recorded).filter(({ name }) => name === "flags_changed").length, 2)
    }).pipe(Effect.provide(world())),
  )

  it.effect("are removed, and then the cohort rule or the default decides again", () =>
    Effect.gen(function* () {
      const before = yield* written("customer-1", { ...wish, gateway_enabled: false })
      const { json } = yield* act("remove", "customer-1", { reason: "It is over.", version: before.version })
      assert.deepInclude(json, { before, row: null })
      assert.deepInclude(json["holds"], { to: "gateway", because: "default" })
      assert.deepStrictEqual((yield* Recorded).at(-1)?.details["after"], null)
    }).pipe(Effect.provide(world())),
  )

  it.effect("are listed in the order of the ids, page by page", () =>
    Effect.gen(function* () {
      for (const customerId of ["c", "a", "b"]) yield* write(customerId)
      const pages = yield* Effect.forEach(["", "&after=a", "&after=b"], (after) => get(`?limit=1${after}`))
      // As the schema of the answer has it.
      const rows = pages.flatMap(({ flags }) => flags as ReadonlyArray<{ readonly customer_id: string }>)
      assert.deepStrictEqual(
        rows.map(({ customer_id }) => customer_id),
        ["a", "b", "c"],
      )
      assert.deepStrictEqual(
        pages.map(({ next }) => next),
        ["a", "b", null],
      )
    }).pipe(Effect.provide(world())),
  )

  it.effect("have a history, of one customer or of all, the newest first", () =>
    Effect.gen(function* () {
      yield* write("customer-1")
      yield* write("customer-2")
      yield* disable("customer-1")
      const on = { gateway_enabled: true, middleware: all, rollout_cohort: null }
      assert.deepStrictEqual(yield* eventsOf("?limit=1"), [
        {
          customer_id: "customer-1",
          at: "1970-01-01T00:00:00.000Z",
          by: "engineer-1",
          reason: "It answers nonsense.",
          before: on,
          after: { ...on, gateway_enabled: false },
        },
      ])
      assert.deepStrictEqual(
        (yield* eventsOf("")).map(({ customer_id }) => customer_id),
        ["customer-1", "customer-2", "customer-1"],
      )
      assert.deepStrictEqual(
        (yield* eventsOf("?customer_id=customer-2")).map(({ before, after }) => [before, after]),
        [[null, on]],
      )
    }).pipe(Effect.provide(world())),
  )

  it.effect("say how well the instance knows them", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(60_000)
      yield* write("customer-1")
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* get("/status"), {
        state: "current",
        revision: 1,
        rows: 1,
        confirmed_at: "1970-01-01T00:01:00.000Z",
        age_seconds: 0.1,
        rollout: null,
        default_enabled: true,
      })
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    "status",
    "history",
    "customer",
    "a/b",
    "..",
    "back\\slash",
    "100%25ab",
    "%2e%2e",
    "a b+c",
    "?x=1&customer_id=other#end",
    "Ünïcödé 客",
    "x".repeat(256),
  ])("take any customer's id: %s", (customerId) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* written(customerId))["customer_id"], customerId)
      assert.deepInclude((yield* read(customerId)).json["holds"], { to: "gateway", ...byRow })
      yield* disable(customerId)
      const off = yield* read(customerId)
      assert.deepInclude(off.json["holds"], { to: "direct", ...byRow })
      const { version } = rowIn(off.json)
      yield* act("remove", customerId, { reason: "It is over.", version })
      assert.deepStrictEqual((yield* get("")).flags, [])
    }).pipe(Effect.provide(world())),
  )

  it.effect.each(["", " customer-1", "customer-1\n", "x".repeat(257)])(
    "take no id that no customer can have: %j",
    (customerId) =>
      Effect.gen(function* () {
        const detail = "In the query: customer_id: expected the id of a customer"
        for (const attempt of [read(customerId), write(customerId), disable(customerId)]) {
          const problem = yield* Effect.flip(attempt)
          assert.strictEqual(problem.slug, "bad-request")
          assert.include(problem.detail, detail)
        }
      }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    [{ ...wish, middleware: { auth: false } }, "In the body: middleware: auth: expected no excess property."],
    [{ ...wish, version: 7 }, "In the body: version: expected string | null."],
    [{ gateway_enabled: true, reason: "Because." }, "In the body: version: missing key."],
    [{ ...wish, gateway_enabled: "yes" }, "In the body: gateway_enabled: expected boolean."],
    [
      { ...wish, rollout_cohort: "" },
      "In the body: rollout_cohort: expected one line of 1 to 100 characters",
    ],
    [{ ...wish, reason: "" }, "In the body: reason: expected one line of 1 to 500 characters"],
  ])("are not written by %j", ([body, detail]) =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(write("customer-1", body))
      assert.strictEqual(problem.slug, "bad-request")
      assert.include(problem.detail, String(detail))
      assert.isNull((yield* read("customer-1")).json["row"])
    }).pipe(Effect.provide(world())),
  )
})
