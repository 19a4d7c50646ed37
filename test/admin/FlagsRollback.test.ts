import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { admin, engineer, others, staff, world } from "./AdminUnderTest.ts"
import { act, all, disable, get, helpdesk, read, rowIn, viewer, wish, write, written } from "./FlagsAsked.ts"
import { changedMeanwhile, noDirect } from "./FlagsWorld.ts"

describe("Taking a customer off the gateway", () => {
  it.effect("needs no version, and keeps the row's other values", () =>
    Effect.gen(function* () {
      const before = yield* written("customer-1", {
        ...wish,
        middleware: { budget: false },
        rollout_cohort: "pilots",
      })
      const { json } = yield* disable("customer-1")
      assert.deepInclude(rowIn(json), {
        gateway_enabled: false,
        middleware: { ...all, budget: false },
        rollout_cohort: "pilots",
      })
      assert.deepStrictEqual(json["before"], before)
      assert.deepInclude(json["holds"], { to: "direct", because: "row" })
    }).pipe(Effect.provide(world())),
  )

  it.effect("writes a row where there is none", () =>
    Effect.gen(function* () {
      const { json } = yield* disable("customer-1")
      assert.deepInclude(rowIn(json), { gateway_enabled: false, middleware: all, rollout_cohort: null })
      assert.deepInclude(json["holds"], { to: "direct", because: "row" })
    }).pipe(Effect.provide(world())),
  )

  it.effect("loses nothing that another writes meanwhile", () =>
    Effect.gen(function* () {
      const { json } = yield* disable("customer-1")
      assert.deepInclude(rowIn(json), { gateway_enabled: false, rollout_cohort: "change 3" })
      assert.deepInclude(json["before"], { gateway_enabled: true, rollout_cohort: "change 3" })
    }).pipe(Effect.provide(world({ flags: changedMeanwhile(3) }))),
  )

  it.effect("comes to an end, however often another writes meanwhile", () =>
    Effect.gen(function* () {
      const { json } = yield* disable("customer-1")
      assert.deepInclude(rowIn(json), { gateway_enabled: false })
    }).pipe(Effect.provide(world({ flags: changedMeanwhile(1000) }))),
  )
})

describe("Who may change flags:", () => {
  it.effect("nobody those of the customer they belong to, for that would take themselves past RBAC", () =>
    Effect.gen(function* () {
      const own = { ...helpdesk, customerId: Option.some("customer-1") }
      const { slug, detail } = yield* Effect.flip(disable("customer-1", own))
      assert.strictEqual(slug, "permission-denied")
      assert.strictEqual(detail, "Nobody changes the flags of the customer they belong to.")
      assert.isNull((yield* read("customer-1")).json["row"])
      yield* disable("customer-2", own)
    }).pipe(Effect.provide(world())),
  )

  it.effect("releasers all, helpdesk agents only take customers off the gateway, viewers read", () =>
    Effect.gen(function* () {
      const { version } = yield* written("customer-1")
      const removal = { reason: "It is over.", version }
      for (const caller of others) {
        for (const attempt of [
          write("customer-1", { ...wish, version }, caller),
          act("remove", "customer-1", removal, caller),
        ]) {
          const { slug, extensions } = yield* Effect.flip(attempt)
          assert.strictEqual(slug, "permission-denied", caller.userId)
          assert.deepStrictEqual(extensions, {
            permission: "flags.write",
            required_roles: ["admin", "infrastructure_engineer"],
          })
        }
      }
      for (const caller of others.filter(({ roles }) => !roles.includes("helpdesk_agent"))) {
        const { slug, extensions } = yield* Effect.flip(disable("customer-1", caller))
        assert.strictEqual(slug, "permission-denied", caller.userId)
        assert.deepStrictEqual(extensions, {
          permission: "rollback",
          required_roles: ["admin", "infrastructure_engineer", "helpdesk_agent"],
        })
      }
      assert.strictEqual((yield* disable("customer-1", helpdesk)).status, 200)
      for (const caller of [admin, engineer, helpdesk, viewer]) {
        for (const query of ["", "/status", "/history", "/customer?customer_id=customer-1"])
          yield* get(query, caller)
      }
      for (const query of ["", "/status", "/history", "/customer?customer_id=customer-1"]) {
        const { slug } = yield* Effect.flip(get(query, staff("manager-1", ["industry_manager"])))
        assert.strictEqual(slug, "permission-denied", query)
      }
    }).pipe(Effect.provide(world())),
  )
})

describe("Without a direct integration", () => {
  it.effect("nobody is sent there: 409 says that their requests would be refused", () =>
    Effect.gen(function* () {
      for (const attempt of [
        write("customer-1", { ...wish, gateway_enabled: false }),
        disable("customer-1"),
      ]) {
        const { slug, detail } = yield* Effect.flip(attempt)
        assert.strictEqual(slug, "conflict")
        assert.match(detail, /no direct integration \(PLANT_DIRECT_URL\)/)
      }
      assert.isNull((yield* read("customer-1")).json["row"])
      assert.deepInclude((yield* write("customer-1")).json["holds"], { to: "gateway", because: "row" })
    }).pipe(Effect.provide(world({ urls: noDirect }))),
  )
})
