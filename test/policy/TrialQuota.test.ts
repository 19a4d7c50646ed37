import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryTrialTasks from "../../layers/memory/TrialTasks.ts"
import * as IoRedis from "../../layers/redis/IoRedis.ts"
import * as RedisTrialTasks from "../../layers/redis/TrialTasks.ts"
import type { AuditEvent } from "../../src/audit/AuditLog.ts"
import type { Exchange } from "../../src/http/Exchange.ts"
import { Problem } from "../../src/http/Problems.ts"
import type { App } from "../../src/http/Stage.ts"
import { PolicyStage } from "../../src/policy/PolicyStage.ts"
import { TrialTasks, TrialTasksUnavailable } from "../../src/policy/TrialTasks.ts"
import { customer } from "../auth/Identities.ts"
import { loggedIn } from "../Logged.ts"
import { answers, type Asked, relays, type Setup, stages, through } from "./StagesUnderTest.ts"

const noon = Date.parse("2026-06-01T12:00:00Z")
const today = "2026-06-01"

/** Runs at an instant; what it is given is built there, for some of it wakes at intervals. */
const at =
  (instant: number, setup?: Setup) =>
  <A, E>(test: Effect.Effect<A, E, PolicyStage | TrialTasks | Scope.Scope>) =>
    Effect.andThen(TestClock.setTime(instant), Effect.provide(test, stages(setup)))

const inTrial = customer({ trial: true, trialExpiresAt: Option.some(noon + 1000 * 86_400_000) })
const task: Asked = { identity: inTrial, method: "POST", path: "/api/v1/tasks" }

const answerTo = (request: Asked, app: App<Exchange> = answers(201)) =>
  Effect.flatMap(PolicyStage, (stage) => through(stage, request, app).answer)

/** How many tasks of the day count; it counts one itself, and gives it back. */
const countOf = Effect.fnUntraced(function* (day: string) {
  const { giveBack, take } = yield* TrialTasks
  const { count } = yield* take("customer-1", day, 1000)
  yield* giveBack("customer-1", day)
  return count - 1
})

/** The counter in memory, with something changed. */
const counterWith = (changes: (tasks: TrialTasks["Service"]) => Partial<TrialTasks["Service"]>) =>
  Layer.effect(
    TrialTasks,
    Effect.map(TrialTasks, (tasks) => ({ ...tasks, ...changes(tasks) })),
  ).pipe(Layer.provide(MemoryTrialTasks.layer))

describe("a trial customer", () => {
  it.effect.each([
    ["2026-06-01T12:00:00Z", "2026-06-02T00:00:00.000Z", 43_200],
    ["2026-06-30T23:59:59.001Z", "2026-07-01T00:00:00.000Z", 1],
    ["2026-12-31T23:00:00Z", "2027-01-01T00:00:00.000Z", 3600],
    ["2028-02-28T00:00:00Z", "2028-02-29T00:00:00.000Z", 86_400],
    ["2028-02-29T23:59:58.500Z", "2028-03-01T00:00:00.000Z", 2],
  ] as const)(
    "at %s has ten tasks, then none until %s, which is in %i seconds",
    ([now, resetAt, seconds]) => {
      const events: Array<AuditEvent> = []
      return Effect.gen(function* () {
        for (let i = 0; i < 10; i++) assert.strictEqual((yield* answerTo(task)).status, 201)
        const problem = yield* Effect.flip(answerTo(task, Effect.die("reached")))
        assert.strictEqual(problem.slug, "trial-limit-exceeded")
        assert.deepStrictEqual(problem.headers, { "retry-after": String(seconds) })
        assert.deepStrictEqual(problem.extensions, {
          task_count: 10,
          limit: 10,
          reset_at: resetAt,
          upgrade_url: "https://waooaw.example/up",
        })
        assert.deepStrictEqual(
          events.map(({ name, details }) => [name, details["problem"]]),
          [["policy_denied", "trial-limit-exceeded"]],
        )
        yield* TestClock.setTime(Date.parse(resetAt) - 1)
        assert.strictEqual((yield* Effect.flip(answerTo(task))).headers?.["retry-after"], "1")
        yield* TestClock.setTime(Date.parse(resetAt))
        assert.strictEqual((yield* answerTo(task)).status, 201)
      }).pipe(at(Date.parse(now), { events, env: { UPGRADE_URL: "https://waooaw.example/up" } }))
    },
  )

  it.effect("who sends fifty at once gets ten through", () =>
    Effect.gen(function* () {
      let reached = 0
      const app = Effect.sync(() => reached++).pipe(
        Effect.andThen(Effect.yieldNow),
        Effect.andThen(answers(201)),
      )
      const exits = yield* Effect.all(
        Array.from({ length: 50 }, () => Effect.exit(answerTo(task, app))),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(exits.filter(Exit.isSuccess), 10)
      assert.strictEqual(reached, 10)
    }).pipe(at(noon)),
  )

  it.effect("has as many as are configured, also none", () =>
    Effect.gen(function* () {
      const problem = yield* Effect.flip(answerTo(task, Effect.die("reached")))
      assert.strictEqual(problem.slug, "trial-limit-exceeded")
      assert.strictEqual(problem.extensions?.["task_count"], 0)
    }).pipe(at(noon, { env: { TRIAL_TASK_LIMIT_PER_DAY: "0" } })),
  )

  it.effect("is counted on routes that create a task, and on no other", () =>
    Effect.gen(function* () {
      for (const [method, path] of [
        ["GET", "/api/v1/agents"],
        ["GET", "/api/v1/tasks/t-1"],
        ["POST", "/api/v1/tasks/t-1/cancel"],
        ["POST", "/api/v1/hired-agents/h-1/pause"],
      ] as const) {
        yield* answerTo({ identity: inTrial, method, path })
      }
      assert.strictEqual(yield* countOf(today), 0)
      yield* answerTo({ identity: inTrial, method: "POST", path: "/api/v1/agents/a-1/execute" })
      yield* answerTo(task)
      assert.strictEqual(yield* countOf(today), 2)
    }).pipe(at(noon)),
  )

  it.effect("shares no count with who pays, who has no limit", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 12; i++) yield* answerTo({ ...task, identity: customer() })
      assert.strictEqual(yield* countOf(today), 0)
    }).pipe(at(noon)),
  )

  it.effect("is not counted when the policies refuse", () =>
    Effect.gen(function* () {
      const identity = { ...inTrial, trialExpiresAt: Option.some(noon) }
      assert.strictEqual((yield* Effect.flip(answerTo({ ...task, identity }))).slug, "trial-expired")
      assert.strictEqual(yield* countOf(today), 0)
    }).pipe(at(noon)),
  )
})

describe("a task", () => {
  const badGateway = new Problem({ slug: "bad-gateway", detail: "The backend could not be reached." })

  it.effect.each([
    ["gets no answer", Effect.fail(badGateway)],
    ["breaks the gateway", Effect.die("a defect")],
    ["is refused with 400", relays(400)],
    ["is refused with 404", relays(404)],
    ["fails with 500", relays(500)],
    ["is refused by the gateway itself", answers(422)],
  ] as const)("that %s is given back", ([, app]) =>
    Effect.gen(function* () {
      yield* Effect.exit(answerTo(task, app))
      assert.strictEqual(yield* countOf(today), 0)
    }).pipe(at(noon)),
  )

  it.effect.each([
    ["is done", relays(200)],
    ["is accepted", relays(202)],
    ["is elsewhere", relays(303)],
    ["is answered by the gateway itself", answers(200)],
    ["breaks off in the middle of its answer", Effect.andThen(relays(200), Effect.fail(badGateway))],
  ] as const)("that %s counts", ([, app]) =>
    Effect.gen(function* () {
      yield* Effect.exit(answerTo(task, app))
      assert.strictEqual(yield* countOf(today), 1)
    }).pipe(at(noon)),
  )

  const moments: ReadonlyArray<readonly [string, App<Exchange>, number]> = [
    ["before there is an answer counts: the backend may be doing it", answers(200), 1],
    ["after a refusal has begun is given back", relays(409), 0],
    ["after its answer has begun counts", relays(200), 1],
  ]
  it.effect.each(moments)("whose client goes away %s", ([, before, count]) =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const app = Effect.andThen(before, Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      const request = yield* Effect.forkChild(answerTo(task, app))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(request)
      assert.strictEqual(yield* countOf(today), count)
    }).pipe(at(noon)),
  )

  it.effect("whose client goes away while it is being counted never starts, and counts", () =>
    Effect.gen(function* () {
      const counting = yield* Deferred.make<void>()
      const counted = yield* Deferred.make<void>()
      const tasks = counterWith(({ take }) => ({
        take: (...parameters) =>
          Effect.andThen(
            Deferred.succeed(counting, undefined),
            Effect.tap(take(...parameters), Deferred.await(counted)),
          ),
      }))
      yield* Effect.gen(function* () {
        const request = yield* Effect.forkChild(answerTo(task, Effect.die("started")))
        yield* Deferred.await(counting)
        const gone = yield* Effect.forkChild(Fiber.interrupt(request), { startImmediately: true })
        yield* Deferred.succeed(counted, undefined)
        yield* Fiber.join(gone)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(request)))
        assert.strictEqual(yield* countOf(today), 1)
      }).pipe(at(noon, { tasks }))
    }),
  )

  it.effect("that is taken before midnight and refused after it is given back to its own day", () =>
    Effect.gen(function* () {
      yield* answerTo(task, Effect.andThen(TestClock.adjust("2 seconds"), answers(500)))
      assert.strictEqual(yield* countOf("2026-12-31"), 0)
      assert.strictEqual(yield* countOf("2027-01-01"), 0)
      yield* answerTo(task)
      assert.strictEqual(yield* countOf("2027-01-01"), 1)
    }).pipe(at(Date.parse("2026-12-31T23:59:59Z"))),
  )
})

describe("giving a task back", () => {
  it.effect("that fails changes no answer, and is logged", () => {
    const lines: Array<string> = []
    const tasks = counterWith(() => ({
      giveBack: () => Effect.fail(new TrialTasksUnavailable({ cause: "The connection broke." })),
    }))
    return Effect.gen(function* () {
      assert.strictEqual((yield* answerTo(task, answers(422))).status, 422)
      assert.strictEqual(yield* Effect.flip(answerTo(task, Effect.fail(refusal))), refusal)
      const line = "Warn: A trial's task that was refused could not be given back."
      assert.deepStrictEqual(lines, [line, line])
    }).pipe(at(noon, { tasks }), Effect.provide(loggedIn(lines)))
  })

  it.effect("holds up no answer, and a stop of the gateway waits for it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(noon)
      const replied = yield* Deferred.make<void>()
      let done = false
      const tasks = counterWith(() => ({
        giveBack: () =>
          Effect.andThen(
            Deferred.await(replied),
            Effect.sync(() => {
              done = true
            }),
          ),
      }))
      const scope = yield* Scope.make()
      const gateway = yield* Layer.buildWithScope(stages({ tasks }), scope)
      assert.strictEqual((yield* Effect.provideContext(answerTo(task, answers(422)), gateway)).status, 422)

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.isFalse(done)
      yield* Deferred.succeed(replied, undefined)
      yield* Fiber.join(stopping)
      assert.isTrue(done)
    }),
  )

  const refusal = new Problem({ slug: "bad-gateway", detail: "The backend could not be reached." })
})

it.live("while the counter is away tasks are refused with 503, and all else passes", () =>
  Effect.gen(function* () {
    const problem = yield* Effect.flip(answerTo(task, Effect.die("reached")))
    assert.strictEqual(problem.slug, "service-unavailable")
    assert.strictEqual(problem.headers?.["retry-after"], "1")
    assert.strictEqual((yield* answerTo({ identity: inTrial, path: "/api/v1/agents" })).status, 201)
    assert.strictEqual((yield* answerTo({ ...task, identity: customer() })).status, 201)
  }).pipe(
    Effect.provide(
      stages({
        tasks: RedisTrialTasks.layer.pipe(
          Layer.provide(IoRedis.layerUrl(Redacted.make("redis://127.0.0.1:1"))),
          Layer.orDie,
        ),
      }),
    ),
  ),
)
