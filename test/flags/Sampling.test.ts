import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { allMiddleware } from "../../src/flags/CustomerFlags.ts"
import { RolloutSampler } from "../../src/flags/Samples.ts"
import { makeSampling } from "../../src/flags/Sampling.ts"
import { customer } from "../auth/Identities.ts"
import { answers, askingOf } from "../policy/StagesUnderTest.ts"

it.effect("a request is timed from the stage to its answer's end, and told once", () =>
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
