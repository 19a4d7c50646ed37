import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import { Problem, type Slug } from "../../src/http/Problems.ts"
import { answered } from "../../src/http/Relay.ts"
import type { Response } from "../../src/http/Stage.ts"
import { type Kind, makeUpstreamGuard, type UpstreamGuard } from "../../src/http/UpstreamGuard.ts"
import { metricsOf } from "../Metrics.ts"
import { breakerOf, breakers } from "../rollback/World.ts"

const guardOf = (concurrency: number) =>
  Effect.flatMap(breakerOf("plant"), (breaker) => makeUpstreamGuard({ breaker, concurrency }))

/** A guard with two places for each kind, before a breaker that opens at the fifth failure for 30 seconds. */
const withGuard = <A, E>(test: (guard: UpstreamGuard) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(guardOf(2), test)).pipe(Effect.provide(breakers()))

type Relay = (heard: (status: number) => void) => Effect.Effect<Response, Problem>
const answering =
  (status: number): Relay =>
  (heard) =>
    Effect.sync(() => {
      heard(status)
      return answered
    })
const failing =
  (slug: Slug): Relay =>
  () =>
    Effect.suspend(() => Effect.fail(new Problem({ slug, detail: "So it is." })))
/** The head has come; the body goes on. */
const streaming: Relay = (heard) =>
  Effect.suspend(() => {
    heard(200)
    return Effect.never
  })
const waiting: Relay = () => Effect.never

/** How it ended: `answered`, or the slug of the problem. */
const outcome = ({ guard }: UpstreamGuard, relay: Relay, kind: Kind = "requests") =>
  Effect.match(guard(kind, relay), {
    onSuccess: (answer) => (answer === answered ? "answered" : assert.fail("another answer")),
    onFailure: (problem) => problem.slug,
  })
/** The problem of who is refused; fails when the upstream is asked. */
const refusal = ({ guard }: UpstreamGuard, kind: Kind = "requests") =>
  Effect.flip(guard(kind, () => Effect.die("The upstream was asked.")))
const begin = ({ guard }: UpstreamGuard, relay: Relay, kind: Kind = "requests") =>
  Effect.forkChild(guard(kind, relay), { startImmediately: true })

describe("the circuit of an upstream", () => {
  const absent: ReadonlyArray<readonly [string, Relay]> = [
    ["does not answer in time", failing("gateway-timeout")],
    ["cannot be reached", failing("bad-gateway")],
    ["answers 502", answering(502)],
    ["answers 503", answering(503)],
    ["answers 504", answering(504)],
  ]
  it.effect.each(absent)("opens when it %s five times in a row", ([, relay]) =>
    withGuard((guard) =>
      Effect.gen(function* () {
        yield* Effect.repeat(outcome(guard, relay), { times: 4 })
        const problem = yield* refusal(guard)
        assert.strictEqual(problem.slug, "service-unavailable")
        assert.strictEqual(problem.detail, "The backend does not work at the moment.")
        assert.deepStrictEqual(problem.headers, { "retry-after": "30" })
        assert.isUndefined(problem.cause)
        yield* TestClock.adjust("28500 millis")
        assert.deepStrictEqual((yield* refusal(guard)).headers, { "retry-after": "2" })
      }),
    ),
  )

  const present: ReadonlyArray<readonly [string, Relay]> = [
    ["answers 200", answering(200)],
    ["answers 404", answering(404)],
    ["answers 429", answering(429)],
    ["answers 500", answering(500)],
    ["answers 501", answering(501)],
    ["answers 505", answering(505)],
    ["is sent too large a body", failing("payload-too-large")],
    ["has no connection free", failing("service-unavailable")],
    ["is sent a bad request", failing("bad-request")],
  ]
  it.effect.each(present)("stays closed when it %s, however often", ([, relay]) =>
    withGuard((guard) =>
      Effect.gen(function* () {
        yield* Effect.repeat(outcome(guard, relay), { times: 9 })
        assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
      }),
    ),
  )

  it.effect("stays closed when clients go away, and when the gateway itself fails", () =>
    withGuard((guard) =>
      Effect.gen(function* () {
        for (let i = 0; i < 10; i++) {
          yield* Fiber.interrupt(yield* begin(guard, waiting))
          yield* Effect.exit(guard.guard("requests", () => Effect.die("a bug")))
        }
        assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
      }),
    ),
  )

  it.effect("forgets failures with any other answer, and not with a request that says nothing of it", () =>
    withGuard((guard) =>
      Effect.gen(function* () {
        yield* Effect.repeat(outcome(guard, answering(503)), { times: 3 })
        yield* outcome(guard, answering(404))
        yield* Effect.repeat(outcome(guard, failing("bad-gateway")), { times: 3 })
        yield* outcome(guard, failing("payload-too-large"))
        assert.strictEqual(yield* outcome(guard, answering(503)), "answered")
        assert.strictEqual((yield* refusal(guard)).slug, "service-unavailable")
      }),
    ),
  )

  it.effect(
    "closes when the head of the probe's answer has come, though the client reads its body for ever",
    () =>
      withGuard((guard) =>
        Effect.gen(function* () {
          yield* Effect.repeat(outcome(guard, answering(503)), { times: 4 })
          yield* TestClock.adjust("30 seconds")
          const probe = yield* begin(guard, waiting)
          yield* refusal(guard)
          yield* Fiber.interrupt(probe)
          yield* begin(guard, streaming, "streams")
          assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
        }),
      ),
  )
})

describe("the bulkhead of an upstream", () => {
  it.effect("refuses what is more than its places, to come again in a second", () =>
    withGuard((guard) =>
      Effect.gen(function* () {
        yield* begin(guard, waiting)
        yield* begin(guard, streaming)
        const problem = yield* refusal(guard)
        assert.strictEqual(problem.slug, "service-unavailable")
        assert.strictEqual(problem.detail, "The backend has as many requests as it can take.")
        assert.deepStrictEqual(problem.headers, { "retry-after": "1" })
        assert.strictEqual((yield* refusal(guard)).slug, "service-unavailable")
      }),
    ),
  )

  it.effect("gives a place back however a request ends, and takes none for who is refused", () =>
    withGuard((guard) =>
      Effect.gen(function* () {
        const endings: ReadonlyArray<Exit.Exit<Response, Problem>> = [
          Exit.succeed(answered),
          Exit.fail(new Problem({ slug: "bad-request", detail: "So it is." })),
          Exit.die("a bug"),
        ]
        yield* begin(guard, waiting)
        for (const ending of endings) {
          const answer = yield* Deferred.make<Response, Problem>()
          const request = yield* begin(guard, () => Deferred.await(answer))
          yield* refusal(guard)
          yield* Deferred.done(answer, ending)
          yield* Fiber.await(request)
          assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
        }
        const gone = yield* begin(guard, waiting)
        yield* refusal(guard)
        yield* Fiber.interrupt(gone)
        assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
      }),
    ),
  )

  it.effect(
    "is one for requests and another for streams, for a stream keeps its place as long as its client stays",
    () =>
      withGuard((guard) =>
        Effect.gen(function* () {
          yield* begin(guard, streaming, "streams")
          yield* begin(guard, streaming, "streams")
          assert.strictEqual((yield* refusal(guard, "streams")).slug, "service-unavailable")
          assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
          yield* begin(guard, waiting)
          yield* begin(guard, waiting)
          assert.strictEqual((yield* refusal(guard)).slug, "service-unavailable")
        }),
      ),
  )

  it.effect("refuses before the circuit is asked: who has no place is no probe", () =>
    withGuard((guard) =>
      Effect.gen(function* () {
        const [one] = [yield* begin(guard, waiting), yield* begin(guard, waiting)]
        yield* Effect.repeat(outcome(guard, answering(503), "streams"), { times: 4 })
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual((yield* refusal(guard)).headers, { "retry-after": "1" })
        yield* Fiber.interrupt(one)
        assert.strictEqual(yield* outcome(guard, answering(200)), "answered")
      }),
    ),
  )
})

it.effect("the metrics say what is in flight, and who was refused for what reason", () =>
  Effect.gen(function* () {
    yield* withGuard((guard) =>
      Effect.gen(function* () {
        yield* begin(guard, streaming, "streams")
        yield* begin(guard, waiting)
        yield* begin(guard, waiting)
        yield* refusal(guard)
        yield* Effect.repeat(outcome(guard, answering(503), "streams"), { times: 4 })
        yield* Effect.repeat(refusal(guard, "streams"), { times: 1 })
        assert.deepStrictEqual(yield* readMetrics, {
          "gateway_upstream_in_flight plant requests": 2,
          "gateway_upstream_in_flight plant streams": 1,
          "gateway_upstream_refused_total plant bulkhead": 1,
          "gateway_upstream_refused_total plant circuit": 2,
        })
      }),
    )
    assert.doesNotHaveAnyKeys(yield* readMetrics, [
      "gateway_upstream_in_flight plant requests",
      "gateway_upstream_in_flight plant streams",
    ])
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
)

const readMetrics = metricsOf("gateway_upstream_")
