import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { HttpServerError } from "effect/http"
import { TestClock } from "effect/testing"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { RolloutSampler } from "../../src/flags/Samples.ts"
import { makeSampling } from "../../src/flags/Sampling.ts"
import { customer } from "../auth/Identities.ts"
import { answers, askingOf } from "../policy/StagesUnderTest.ts"

it.effect("a request is timed from the stage to its answer, and told once", () =>
  Effect.gen(function* () {
    const told: Array<ReadonlyArray<unknown>> = []
    const sampling = yield* makeSampling.pipe(
      Effect.provide(Layer.succeed(RolloutSampler, { observe: (...sample) => void told.push(sample) })),
    )
    const { exchange, match } = askingOf({ identity: customer(), path: "/api/v1/agents" })
    const route = {
      to: "direct",
      because: "cohort",
      middleware: allMiddleware,
      cohort: "canary_25pct",
    } as const
    const app = Effect.delay(answers(207), "1500 millis")
    const sampled = Effect.suspend(() => sampling("control", route, match.route, exchange, app))
    yield* TestClock.adjust("1 minute")
    const fiber = yield* Effect.forkChild(sampled, { startImmediately: true })
    yield* TestClock.adjust("1 second")
    assert.isEmpty(told)
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual((yield* Fiber.join(fiber)).status, 207)
    assert.deepStrictEqual(told, [["control", 207, 1.5]])
  }),
)

it.effect("of a request with a body it is not told how long it took: that may be the client's doing", () =>
  Effect.gen(function* () {
    const told: Array<ReadonlyArray<unknown>> = []
    const sampling = yield* makeSampling.pipe(
      Effect.provide(Layer.succeed(RolloutSampler, { observe: (...sample) => void told.push(sample) })),
    )
    const { exchange, match } = askingOf({ identity: customer(), path: "/api/v1/agents" })
    exchange.request.headers["content-length"] = "2"
    const route = {
      to: "gateway",
      because: "cohort",
      middleware: allMiddleware,
      cohort: "canary_5pct",
    } as const
    yield* sampling("canary", route, match.route, exchange, answers(500))
    assert.deepStrictEqual(told, [["canary", 500, undefined]])
  }),
)

it.effect("who goes away is told of as slow, once they have waited a second for an answer to begin", () =>
  Effect.gen(function* () {
    const told: Array<ReadonlyArray<unknown>> = []
    const sampling = yield* makeSampling.pipe(
      Effect.provide(Layer.succeed(RolloutSampler, { observe: (...sample) => void told.push(sample) })),
    )
    const { exchange, match } = askingOf({ identity: customer(), path: "/api/v1/agents" })
    const route = {
      to: "gateway",
      because: "cohort",
      middleware: allMiddleware,
      cohort: "canary_5pct",
    } as const
    for (const patience of ["900 millis", "2 seconds"] as const) {
      const fiber = yield* Effect.forkChild(
        Effect.suspend(() => sampling("canary", route, match.route, exchange, Effect.never)),
        { startImmediately: true },
      )
      yield* TestClock.adjust(patience)
      fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
      yield* Fiber.await(fiber)
    }
    assert.deepStrictEqual(told, [["canary", 499, 2]])
  }),
)
