import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { RolloutSampler } from "../../src/flags/Samples.ts"
import { Recorded } from "../rollback/World.ts"
import { Admin, admin, engineer, others, staff, world } from "./AdminUnderTest.ts"
import { noDirect, RolloutsUnderTest } from "./FlagsWorld.ts"

const helpdesk = staff("helpdesk-1", ["helpdesk_agent"])
const viewer = staff("viewer-1", ["viewer"])

const get = (path = "", caller = viewer) =>
  Effect.map(
    Admin.use(({ ask }) => ask(caller, { path: `/_gateway/rollout${path}` })),
    ({ json }) => json,
  )

type Act = "advance" | "pause" | "resume" | "abort"
const acts: ReadonlyArray<Act> = ["advance", "pause", "resume", "abort"]
const releasers = ["admin", "infrastructure_engineer"]

const post = (act: Act, body: object = {}, caller = engineer) =>
  Effect.map(
    Admin.use(({ ask }) =>
      ask(caller, {
        method: "POST",
        path: `/_gateway/rollout/${act}`,
        body: { reason: "It is time.", ...body },
      }),
    ),
    ({ json }) => json,
  )

/** In an answer of the rollout. */
const eventsIn = (json: Readonly<Record<string, unknown>>) =>
  // As the schema of the answer has it.
  json["events"] as ReadonlyArray<Readonly<Record<string, unknown>>>

const isAway = Effect.map(RolloutsUnderTest, (store) => {
  store.state = "away"
})

describe("The admin API's rollout", () => {
  it.effect("is none before it was started; what holds without it is shown", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* get(), {
        rollout: null,
        assessment: null,
        customers_with_rows: 0,
        default_enabled: true,
      })
      assert.deepStrictEqual(yield* get("/history"), { events: [] })
    }).pipe(Effect.provide(world())),
  )

  it.effect("is started and goes on; it shows where it is, since when, by whom and why", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(60_000)
      const { rollout } = yield* post("advance")
      assert.deepStrictEqual(rollout, {
        state: "running",
        cohort: "canary_5pct",
        percent: 5,
        automatic: false,
        step: 1,
        step_started_at: "1970-01-01T00:01:00.000Z",
        updated_at: "1970-01-01T00:01:00.000Z",
        updated_by: "engineer-1",
        reason: "It is time.",
        version: 1,
      })
      assert.deepStrictEqual((yield* get())["rollout"], rollout)
      const further = yield* post("advance", { to: "canary_50pct", automatic: true, reason: "It does well." })
      assert.deepInclude(further["rollout"], {
        cohort: "canary_50pct",
        percent: 50,
        automatic: true,
        step: 2,
        reason: "It does well.",
      })
    }).pipe(Effect.provide(world())),
  )

  it.effect("is paused, resumed and aborted; each answer shows where it is then", () =>
    Effect.gen(function* () {
      yield* post("advance")
      assert.deepInclude((yield* post("pause"))["rollout"], { state: "paused", percent: 5 })
      assert.deepInclude((yield* post("resume"))["rollout"], { state: "running", percent: 5 })
      const aborted = yield* post("abort")
      assert.deepInclude(aborted["rollout"], { state: "aborted", cohort: null, percent: 0 })
      assert.isTrue(aborted["stored"])
    }).pipe(Effect.provide(world())),
  )

  it.effect("has a history: what was done, by whom, why, and what had been seen; the newest first", () =>
    Effect.gen(function* () {
      yield* post("advance")
      yield* TestClock.adjust("5 seconds")
      yield* post("pause", { reason: "Something is odd." })
      const [paused, started] = eventsIn(yield* get("/history"))
      assert.deepInclude(paused, {
        action: "pause",
        at: "1970-01-01T00:00:05.000Z",
        by: "engineer-1",
        reason: "Something is odd.",
        before: started?.["after"],
      })
      assert.deepInclude(paused?.["evidence"], { verdict: "insufficient" })
      assert.deepInclude(started, { action: "start", reason: "It is time.", before: null, evidence: null })
      assert.lengthOf(eventsIn(yield* get("/history?limit=1")), 1)
    }).pipe(Effect.provide(world())),
  )

  it.effect("shows what was seen of the canary and of the control, and what is made of it", () =>
    Effect.gen(function* () {
      const { observe } = yield* RolloutSampler
      yield* post("advance")
      yield* TestClock.adjust("5 seconds")
      for (let n = 0; n < 200; n++) {
        observe("canary", n % 50 === 0 ? 500 : 200, 0.1)
        observe("control", 200, 0.1)
      }
      yield* TestClock.adjust("5 seconds")
      const { assessment } = yield* get()
      assert.deepInclude(assessment, {
        verdict: "good",
        scope: "all",
        since: "1970-01-01T00:00:00.000Z",
        until: "1970-01-01T00:00:10.000Z",
        requests: { canary: 200, control: 200 },
        errors: { canary: 4, control: 0 },
      })
      // As the schema of the answer has it.
      const { checks } = assessment as { readonly checks: ReadonlyArray<Readonly<Record<string, unknown>>> }
      assert.deepStrictEqual(checks[0], {
        metric: "error-ratio",
        canary: 0.02,
        control: 0,
        limit: 0.02,
        verdict: "kept",
      })
      assert.deepInclude(checks[1], { metric: "p95-latency", verdict: "kept" })
    }).pipe(Effect.provide(world())),
  )

  it.effect("counts the customers whom it does not touch, and leaves their rows when it is aborted", () =>
    Effect.gen(function* () {
      const { ask } = yield* Admin
      const path = "/_gateway/flags/customer?customer_id=customer-1"
      const row = { gateway_enabled: true, reason: "They asked for it.", version: null }
      yield* ask(engineer, { method: "PUT", path, body: row })
      yield* post("advance")
      yield* post("abort")
      assert.strictEqual((yield* get())["customers_with_rows"], 1)
      assert.deepInclude((yield* ask(viewer, { path })).json["holds"], { to: "gateway", because: "row" })
      const other = yield* ask(viewer, { path: path.replace("customer-1", "customer-2") })
      assert.deepInclude(other.json["holds"], { to: "direct", because: "cohort" })
    }).pipe(Effect.provide(world())),
  )

  it.effect("is told in its own words what does not follow from where it is: 409", () =>
    Effect.gen(function* () {
      for (const act of ["pause", "resume", "abort"] as const) {
        const { slug, detail } = yield* Effect.flip(post(act))
        assert.strictEqual(slug, "conflict")
        assert.match(detail, /^There is no rollout\./)
      }
      yield* post("advance", { to: "canary_50pct" })
      const { slug, detail } = yield* Effect.flip(post("advance", { to: "canary_25pct" }))
      assert.strictEqual(slug, "conflict")
      assert.match(detail, /canary_50pct/)
    }).pipe(Effect.provide(world())),
  )

  it.effect("is steered once by each word, which is on record once", () =>
    Effect.gen(function* () {
      yield* post("advance")
      yield* post("pause")
      yield* post("abort")
      assert.deepStrictEqual(
        (yield* Recorded).map(({ name, userId }) => [name, Option.getOrNull(userId)]),
        [
          ["rollout_started", "engineer-1"],
          ["rollout_paused", "engineer-1"],
          ["rollout_aborted", "engineer-1"],
        ],
      )
    }).pipe(Effect.provide(world())),
  )

  it.effect.each([
    [{ to: "canary_10pct" }, "In the body: to: expected "],
    [{ automatic: "yes" }, "In the body: automatic: expected boolean."],
    [{ reason: " " }, "In the body: reason: expected one line of 1 to 500 characters that says why."],
    [{ percent: 10 }, "In the body: percent: expected no excess property."],
  ])("is not advanced by %j", ([body, detail]) =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(post("advance", Object(body)))
      assert.strictEqual(problem.slug, "bad-request")
      assert.include(problem.detail, String(detail))
      assert.isNull((yield* get())["rollout"])
    }).pipe(Effect.provide(world())),
  )

  it.effect(
    "is not started without a direct integration, where it would send customers; aborting it is open",
    () =>
      Effect.gen(function* () {
        const { slug, detail } = yield* Effect.flip(post("advance"))
        assert.strictEqual(slug, "conflict")
        assert.match(detail, /no direct integration \(PLANT_DIRECT_URL\)/)
        assert.isNull((yield* get())["rollout"])
        assert.match((yield* Effect.flip(post("abort"))).detail, /There is nothing to abort\./)
      }).pipe(Effect.provide(world({ urls: noDirect }))),
  )
})

describe("Who may steer the rollout:", () => {
  it.effect("releasers all; helpdesk agents pause and abort, and nothing else; viewers read", () =>
    Effect.gen(function* () {
      const may: Readonly<
        Record<Act, { readonly permission: string; readonly roles: ReadonlyArray<string> }>
      > = {
        advance: { permission: "rollout.advance", roles: releasers },
        resume: { permission: "rollout.advance", roles: releasers },
        pause: { permission: "rollback", roles: [...releasers, "helpdesk_agent"] },
        abort: { permission: "rollback", roles: [...releasers, "helpdesk_agent"] },
      }
      for (const act of acts) {
        const { permission, roles } = may[act]
        for (const caller of others.filter((each) => !each.roles.some((role) => roles.includes(role)))) {
          const { slug, extensions } = yield* Effect.flip(post(act, {}, caller))
          assert.strictEqual(slug, "permission-denied", `${caller.userId}: ${act}`)
          assert.deepStrictEqual(extensions, { permission, required_roles: roles })
        }
      }
      assert.isNull((yield* get())["rollout"])
      yield* post("advance", {}, admin)
      assert.deepInclude((yield* post("pause", {}, helpdesk))["rollout"], { updated_by: "helpdesk-1" })
      assert.deepInclude((yield* post("abort", {}, helpdesk))["rollout"], { updated_by: "helpdesk-1" })
      for (const caller of [admin, engineer, helpdesk, viewer]) {
        for (const path of ["", "/history"]) yield* get(path, caller)
      }
      const { slug } = yield* Effect.flip(get("", staff("manager-1", ["industry_manager"])))
      assert.strictEqual(slug, "permission-denied")
    }).pipe(Effect.provide(world())),
  )
})

describe("While the database of the rollout is away", () => {
  it.effect("it goes no further and its history is not read: 503; how it stands is read", () =>
    Effect.gen(function* () {
      const { rollout } = yield* post("advance")
      yield* isAway
      for (const attempt of [post("advance"), post("pause"), get("/history")]) {
        const { slug, headers } = yield* Effect.flip(attempt)
        assert.strictEqual(slug, "service-unavailable")
        assert.deepStrictEqual(headers, { "retry-after": "1" })
      }
      assert.deepStrictEqual((yield* get())["rollout"], rollout)
    }).pipe(Effect.provide(world())),
  )

  it.effect("it can be aborted, and the answer says that it is not on record yet", () =>
    Effect.gen(function* () {
      yield* post("advance", { to: "stable_100pct" })
      yield* isAway
      const { rollout, stored } = yield* post("abort")
      assert.isFalse(stored)
      assert.deepInclude(rollout, { state: "aborted", percent: 0 })
      assert.deepInclude((yield* get())["rollout"], { state: "aborted", percent: 0 })
    }).pipe(Effect.provide(world())),
  )
})
