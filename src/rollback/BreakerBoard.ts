import { Clock, Effect, FiberSet, Layer, Metric, Option } from "effect"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { BreakerHints } from "./BreakerHints.ts"
import { makeReports } from "./BreakerReports.ts"
import { Breakers, type BreakerState } from "./Breakers.ts"
import { Circuit } from "./Circuit.ts"
import { makeJudges } from "./Judge.ts"
import { makeOperatorWords } from "./OperatorWords.ts"
import { showMetricUnsafe } from "../primitives/ShownMetric.ts"

const stateGauge = Metric.gauge("gateway_breaker_state", {
  description: "What calls to a dependency meet: 0 a closed circuit, 1 a half open one, 2 an open one",
})
const levels = { closed: 0, "half-open": 1, open: 2 } as const satisfies Record<BreakerState, number>

const refusals = Metric.counter("gateway_breaker_refused_total", {
  description: "Calls that were not made because the dependency's circuit was open",
  incremental: true,
})

/** `Breakers` over the library's circuit breaker. */
export const layer = Layer.effect(
  Breakers,
  Effect.gen(function* () {
    const { breaker: settings } = yield* GatewayConfig
    const { publish, listen } = yield* BreakerHints
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<never>()
    const judgeOf = yield* makeJudges(settings)
    const reports = yield* makeReports(settings.openSeconds)
    const run = yield* FiberSet.makeRuntime()
    const gauges = new Set<Metric.Registration>()
    yield* Effect.addFinalizer(() => Effect.sync(() => gauges.forEach((gauge) => gauge.remove())))

    const circuits = new Map<string, Circuit>()
    const words = yield* makeOperatorWords(reports, (dependency, forced) =>
      circuits.get(dependency)?.force(forced),
    )

    const add = (dependency: string): Circuit => {
      const labels = { dependency }
      const refused = Metric.withAttributes(refusals, labels)
      const judge = judgeOf(dependency, (from, to) => {
        const transition = { dependency, from, to, ...circuit.changed(to), forced: circuit.status.forced }
        // Whoever made the call does not wait for this; and a hint may be lost.
        run(
          Effect.andThen(
            reports.changed(transition),
            to === "half-open"
              ? Effect.void
              : Effect.ignore(publish({ kind: to === "open" ? "opened" : "closed", dependency })),
          ),
        )
      })
      const circuit = new Circuit({
        dependency,
        judge,
        clock,
        failuresMax: settings.failuresMax,
        refused: () => refused.updateUnsafe(1, context),
      })
      circuit.force(words.forced(dependency))
      circuits.set(dependency, circuit)
      gauges.add(
        showMetricUnsafe(Metric.withAttributes(stateGauge, labels), context, () => ({
          value: levels[circuit.status.state],
        })),
      )
      return circuit
    }

    /** False where there is no such circuit. */
    const ofKnown = (dependency: string, said: Effect.Effect<void>) =>
      Effect.suspend(() => (circuits.has(dependency) ? Effect.as(said, true) : Effect.succeed(false)))

    yield* listen((hint) => {
      if (hint.kind === "forced") return words.hear(hint)
      return Effect.sync(() => {
        const circuit = circuits.get(hint.dependency)
        if (hint.kind === "opened") circuit?.suspect()
        else circuit?.trust()
      })
    })

    return Breakers.of({
      of: (dependency) => Effect.sync(() => circuits.get(dependency) ?? add(dependency)),
      list: Effect.sync(() => Array.from(circuits.values(), (circuit) => circuit.status)),
      force: (dependency, forced) =>
        ofKnown(dependency, words.say(dependency, Option.some(forced), forced.by)),
      release: (dependency, by) => ofKnown(dependency, words.say(dependency, Option.none(), by)),
    })
  }),
)
