import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Breakers } from "../../src/rollback/Breakers.ts"
import { Recorded, succeed } from "../rollback/World.ts"
import { Admin, admin, engineer, governor, others, world } from "./AdminUnderTest.ts"

const breaker = (dependency: string) => Breakers.use(({ of }) => of(dependency))

const force = (dependency: string, body: unknown, caller = engineer) =>
  Admin.use(({ ask }) =>
    ask(caller, { method: "POST", path: `/_gateway/breakers/${dependency}/force`, body }),
  )
const release = (dependency: string, caller = engineer) =>
  Admin.use(({ ask }) => ask(caller, { method: "DELETE", path: `/_gateway/breakers/${dependency}/force` }))

const open = { state: "open", reason: "It answers nonsense.", minutes: 90 } as const

describe("The admin API's circuit breakers", () => {
  it.effect("are listed, with how they stand", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const list = Effect.map(ask(engineer, { path: "/_gateway/breakers" }), ({ json }) => json)
      assert.deepStrictEqual(yield* list, { breakers: [] })
      yield* breaker("redis")
      assert.deepStrictEqual(yield* list, {
        breakers: [{ dependency: "redis", state: "closed", since: "1970-01-01T00:00:00.000Z", forced: null }],
      })
    }).pipe(Effect.provide(world())),
  )

  it.effect("are forced open for as long as said, and then judge for themselves", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 minute")
      const redis = yield* breaker("redis")
      const { json } = yield* force("redis", open)
      assert.deepInclude(json, {
        dependency: "redis",
        state: "open",
        forced: {
          state: "open",
          reason: "It answers nonsense.",
          by: "engineer-1",
          since: "1970-01-01T00:01:00.000Z",
          until: "1970-01-01T01:31:00.000Z",
        },
      })
      assert.strictEqual((yield* Effect.flip(succeed(redis)))._tag, "CircuitOpen")
      const event = (yield* Recorded).find(({ name }) => name === "circuit_forced")
      assert.deepStrictEqual(event?.userId, Option.some("engineer-1"))
      yield* TestClock.adjust("90 minutes")
      yield* succeed(redis)
    }).pipe(Effect.provide(world())),
  )

  it.effect("are forced closed, and released", () =>
    Effect.gen(function* () {
      yield* breaker("opa")
      const { json } = yield* force("opa", { ...open, state: "closed" }, admin)
      assert.deepInclude(json["forced"], { state: "closed", by: "admin-1" })
      assert.deepInclude((yield* release("opa")).json, { dependency: "opa", state: "closed", forced: null })
      assert.isTrue((yield* Recorded).some(({ name }) => name === "circuit_released"))
    }).pipe(Effect.provide(world())),
  )

  it.effect("of an unknown dependency are 404, and nothing is forced", () =>
    Effect.gen(function* () {
      yield* breaker("redis")
      assert.strictEqual((yield* Effect.flip(force("Redis", open))).slug, "not-found")
      assert.strictEqual((yield* Effect.flip(release("opa"))).slug, "not-found")
      assert.isEmpty(yield* Recorded)
    }).pipe(Effect.provide(world())),
  )

  it.effect("are for infrastructure engineers and admins alone", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      yield* breaker("redis")
      for (const caller of others) {
        for (const [attempt, permission] of [
          [ask(caller, { path: "/_gateway/breakers" }), "breakers.read"],
          [force("redis", open, caller), "breakers.force"],
          [release("redis", caller), "breakers.force"],
        ] as const) {
          const { slug, extensions } = yield* Effect.flip(attempt)
          assert.strictEqual(slug, "permission-denied", caller.userId)
          assert.deepStrictEqual(extensions, {
            permission,
            required_roles: ["admin", "infrastructure_engineer"],
          })
        }
      }
      assert.isTrue((yield* Recorded).every(({ name }) => name === "permission_denied"))
      assert.strictEqual((yield* force("redis", open, governor)).status, 200)
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    [{ ...open, minutes: 0 }, "In the body: minutes: expected a value between 1 and 1440."],
    [{ ...open, minutes: 1441 }, "In the body: minutes: expected a value between 1 and 1440."],
    [{ ...open, minutes: 1.5 }, "In the body: minutes: expected an integer"],
    [{ ...open, state: "half-open" }, 'In the body: state: expected "open" | "closed".'],
    [
      { ...open, reason: " " },
      "In the body: reason: expected one line of 1 to 500 characters that says why.",
    ],
    [{ state: "open" }, "In the body: reason: missing key; minutes: missing key."],
  ])("refuse to be forced by %j", ([body, detail]) =>
    Effect.gen(function* () {
      yield* breaker("redis")
      const problem = yield* Effect.flip(force("redis", body))
      assert.strictEqual(problem.slug, "bad-request")
      assert.include(problem.detail, String(detail))
      assert.isEmpty(yield* Recorded)
    }).pipe(Effect.provide(world())),
  )
})
