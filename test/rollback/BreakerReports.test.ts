import { assert, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { BreakerHints } from "../../src/rollback/BreakerHints.ts"
import { Breakers } from "../../src/rollback/Breakers.ts"
import { metricsOf } from "../Metrics.ts"
import { breakerOf, breakers, fail, Logged, open, Recorded, refusal, succeed } from "./World.ts"

/** Closed, open, open again, closed, opened by a hint; then forced and released. */
const history = Effect.gen(function* () {
  const breaker = yield* breakerOf("opa")
  yield* open(breaker)
  yield* TestClock.adjust("30 seconds")
  yield* fail(breaker)
  yield* refusal(breaker)
  yield* TestClock.adjust("30 seconds")
  yield* succeed(breaker)
  const { publish } = yield* BreakerHints
  yield* publish({ kind: "opened", dependency: "opa" })
  yield* fail(breaker)
  const { force, release } = yield* Breakers
  yield* force("opa", { state: "closed", reason: "An exercise.", by: "staff-2", until: 120_000 })
  yield* TestClock.adjust("30 seconds")
  yield* fail(breaker)
  yield* release("opa", "staff-3")
  yield* force("opa", { state: "open", reason: "Another.", by: "staff-2", until: 120_000 })
  yield* TestClock.adjust("1 minute")
})

it.effect("every change is on record, with its cause, and with who said what and until when", () =>
  Effect.gen(function* () {
    yield* history
    const events = yield* Recorded
    assert.deepStrictEqual(
      events.map(({ severity, name, details: { dependency, ...details } }) => [
        `${severity} ${name} ${String(dependency)}`,
        details,
      ]),
      [
        [
          "CRITICAL circuit_opened opa",
          { from: "closed", forced: null, cause: "failures", failures: 5, open_seconds: 30 },
        ],
        ["INFO circuit_half_open opa", { from: "open", forced: null }],
        [
          "CRITICAL circuit_opened opa",
          { from: "half-open", forced: null, cause: "probe", failures: 6, open_seconds: 30 },
        ],
        ["INFO circuit_half_open opa", { from: "open", forced: null }],
        ["INFO circuit_closed opa", { from: "half-open", forced: null }],
        [
          "CRITICAL circuit_opened opa",
          { from: "closed", forced: null, cause: "hint", failures: 1, open_seconds: 30 },
        ],
        [
          "WARNING circuit_forced opa",
          { state: "closed", reason: "An exercise.", by: "staff-2", until: "1970-01-01T00:02:00.000Z" },
        ],
        ["INFO circuit_half_open opa", { from: "open", forced: "closed" }],
        [
          "CRITICAL circuit_opened opa",
          { from: "half-open", forced: "closed", cause: "probe", failures: 2, open_seconds: 30 },
        ],
        [
          "INFO circuit_released opa",
          { by: "staff-3", state: "closed", reason: "An exercise.", until: "1970-01-01T00:02:00.000Z" },
        ],
        [
          "WARNING circuit_forced opa",
          { state: "open", reason: "Another.", by: "staff-2", until: "1970-01-01T00:02:00.000Z" },
        ],
        [
          "INFO circuit_released opa",
          { by: "expiry", state: "open", reason: "Another.", until: "1970-01-01T00:02:00.000Z" },
        ],
      ],
    )
    assert.isTrue(events.every(({ kind }) => kind === "operations"))
  }).pipe(Effect.provide(breakers())),
)

it.effect("every change is logged in one sentence or two", () =>
  Effect.gen(function* () {
    yield* history
    assert.deepStrictEqual(yield* Logged, [
      "Warn: The circuit of opa opened: 5 calls in a row failed. One call probes it in 30 seconds.",
      "Info: The circuit of opa is half open: one call finds out whether it is back.",
      "Warn: The circuit of opa opened: the probe failed. One call probes it in 30 seconds.",
      "Info: The circuit of opa is half open: one call finds out whether it is back.",
      "Info: The circuit of opa closed: it is back.",
      "Warn: The circuit of opa opened: a call failed, and another instance's had opened. One call probes it in 30 seconds.",
      "Warn: The circuit of opa is forced closed until 1970-01-01T00:02:00.000Z, as staff-2 said: An exercise.",
      "Info: The circuit of opa is half open: one call finds out whether it is back. It is forced closed, and that holds.",
      "Warn: The circuit of opa opened: the probe failed. One call probes it in 30 seconds. It is forced closed, and that holds.",
      "Info: The circuit of opa is not forced any more, as staff-3 said.",
      "Warn: The circuit of opa is forced open until 1970-01-01T00:02:00.000Z, as staff-2 said: Another.",
      "Info: The circuit of opa is not forced open any more: its time is over.",
    ])
  }).pipe(Effect.provide(breakers())),
)

it.effect("every change is counted, and so is every call that is refused", () =>
  Effect.gen(function* () {
    const counted = Effect.andThen(history, readMetrics).pipe(Effect.provide(breakers()))
    assert.deepStrictEqual(yield* counted, {
      "gateway_breaker_state opa": 2,
      "gateway_breaker_refused_total opa": 1,
      "gateway_breaker_transitions_total opa open": 4,
      "gateway_breaker_transitions_total opa half-open": 3,
      "gateway_breaker_transitions_total opa closed": 1,
      "gateway_breaker_transitions_total opa forced-closed": 1,
      "gateway_breaker_transitions_total opa forced-open": 1,
      "gateway_breaker_transitions_total opa released": 2,
    })
    assert.doesNotHaveAnyKeys(yield* readMetrics, ["gateway_breaker_state opa"])
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())),
)

const readMetrics = metricsOf("gateway_breaker")
