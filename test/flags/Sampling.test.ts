import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { HttpServerError } from "effect/http"
import { TestClock } from "effect/testing"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { RolloutSampler } from "../../src/flags/Samples.ts"
import { makeSampling } from "../../src/flags/Sampling.ts"
import type { App } from "../../src/http/Stage.ts"
import { customer } from "../auth/Identities.ts"
import { answers, askingOf } from "../policy/StagesUnderTest.ts"

const way = { to: "gateway", because: "cohort", middleware: allMiddleware, cohort: "canary_5pct" } as const

/** A request of a canary, and what the rollout was told of it. */
const makeScene = Effect.gen(function* () {
  const told: Array<ReadonlyArray<unknown>> = []
  const sampling = yield* makeSampling.pipe(
    Effect.provide(Layer.succeed(RolloutSampler, { observe: (...sample) => void told.push(sample) })),
  )
  const { exchange, match } = askingOf({ identity: customer(), path: "/api/v1/agents" })
  const sampled = (app: App) =>
    Effect.suspend(() => sampling("canary", way, match.route, exchange, app)).pipe(
      Effect.forkChild({ startImmediately: true }),
    )
  return { told, exchange, sampled }
})

it.effect("a request is timed from the stage to its answer, and told once", () =>
  Effect.gen(function* () {
    const { told, sampled } = yield* makeScene
    yield* TestClock.adjust("1 minute")
    const fiber = yield* sampled(Effect.delay(answers(207), "1500 millis"))
    yield* TestClock.adjust("1 second")
    assert.isEmpty(told)
    yield* TestClock.adjust("10 seconds")
    assert.strictEqual((yield* Fiber.join(fiber)).status, 207)
    assert.deepStrictEqual(told, [["canary", 207, 1.5]])
  }),
)

it.effect("of a request with a body it is not told how long it took: that may be the client's doing", () =>
  Effect.gen(function* () {
    const { told, exchange, sampled } = yield* makeScene
    exchange.request.headers["content-length"] = "2"
    yield* Effect.flatMap(sampled(answers(500)), Fiber.join)
    assert.deepStrictEqual(told, [["canary", 500, undefined]])
  }),
)

it.effect("who goes away is told of as slow, once they have waited a second for an answer to begin", () =>
  Effect.gen(function* () {
    const { told, sampled } = yield* makeScene
    for (const patience of ["900 millis", "2 seconds"] as const) {
      const fiber = yield* sampled(Effect.never)
      yield* TestClock.adjust(patience)
      fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
      yield* Fiber.await(fiber)
    }
    assert.deepStrictEqual(told, [["canary", 499, 2]])
  }),
)
