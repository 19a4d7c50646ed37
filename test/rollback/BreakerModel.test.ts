import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryBreakerHints from "../../layers/memory/BreakerHints.ts"
import { BreakerHints } from "../../src/rollback/BreakerHints.ts"
import { type Admission, Breakers, type BreakerState, CircuitOpen } from "../../src/rollback/Breakers.ts"
import { configured } from "../auth/World.ts"
import { board, breakerOf } from "./World.ts"

const failuresMax = 3
const openMillis = 30_000

const outcomes = ["succeeded", "failed", "ended"] as const
type Outcome = (typeof outcomes)[number]

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Outcome = Schema.Literals([...outcomes, "failed", "failed"])
const Step = Schema.Union([
  Schema.TaggedStruct("Call", { outcome: Outcome }),
  Schema.TaggedStruct("Call", { outcome: Outcome }),
  Schema.TaggedStruct("Begin", {}),
  // Of the calls that were begun, that many from the last; also one that has said something before.
  Schema.TaggedStruct("Finish", { which: upTo(5), outcome: Outcome }),
  Schema.TaggedStruct("Wait", {
    millis: Schema.Literals([1, 10_000, openMillis - 1, openMillis, 7_200_000]),
  }),
  Schema.TaggedStruct("Hint", { kind: Schema.Literals(["opened", "closed"]) }),
  Schema.TaggedStruct("Force", { state: Schema.Literals(["open", "closed"]), millis: upTo(60_000) }),
  Schema.TaggedStruct("Release", {}),
])
type Step = typeof Step.Type
const steps = Arbitrary.array(Arbitrary.schema(Step), { minLength: 20, maxLength: 80 })

interface ModelCall {
  readonly epoch: number
  readonly isProbe: boolean
  said: boolean
}

/** What SPEC 6 says of a breaker, as plainly as it can be written. */
class Model {
  now = 0
  judged: BreakerState = "closed"
  epoch = 0
  failures = 0
  suspected = false
  openUntil = 0
  probe: ModelCall | undefined
  probeUntil = 0
  forced: { readonly state: "open" | "closed"; readonly until: number } | undefined

  get state(): BreakerState {
    return this.forced?.state ?? this.judged
  }

  wait(millis: number): void {
    this.now += millis
    if (this.now >= this.probeUntil) this.probe = undefined
    if (this.forced !== undefined && this.now >= this.forced.until) this.forced = undefined
  }

  /** The call, if it is made. */
  begin(): ModelCall | undefined {
    if (this.forced?.state === "open") return undefined
    if (this.forced !== undefined || this.judged === "closed") {
      return { epoch: this.epoch, isProbe: false, said: false }
    }
    if (!this.#isDue()) return undefined
    this.probe = { epoch: this.epoch, isProbe: true, said: false }
    this.probeUntil = this.now + openMillis
    return this.probe
  }

  finish(call: ModelCall, outcome: Outcome): void {
    if (call.said) return
    call.said = true
    if (call.isProbe) {
      if (this.probe !== call) return
      this.probe = undefined
      if (outcome === "failed") this.failures++
      if (outcome !== "ended") this.#become(outcome === "failed" ? "open" : "closed")
      return
    }
    if (outcome === "ended" || call.epoch !== this.epoch) return
    if (outcome === "failed") this.failures++
    else {
      this.failures = 0
      this.suspected = false
    }
    if (this.judged === "closed") {
      if (outcome === "failed" && (this.suspected || this.failures >= failuresMax)) this.#become("open")
      // A call that was made because it was forced, when a probe was due, is as good as one.
    } else if (this.#isDue()) this.#become(outcome === "failed" ? "open" : "closed")
  }

  hint(kind: "opened" | "closed"): void {
    if (this.judged === "closed") this.suspected = kind === "opened"
  }

  /** Whether the next call may probe; then it is half open. */
  #isDue(): boolean {
    if (this.judged === "open" && this.now >= this.openUntil) this.#become("half-open")
    return this.judged === "half-open" && this.probe === undefined
  }

  #become(judged: BreakerState): void {
    this.judged = judged
    this.epoch++
    this.suspected = false
    if (judged === "open") this.openUntil = this.now + openMillis
    if (judged === "closed") this.failures = 0
  }
}

const env = {
  CIRCUIT_BREAKER_FAIL_MAX: String(failuresMax),
  CIRCUIT_BREAKER_OPEN_SECONDS: String(openMillis / 1000),
}

layer(configured(env))("for every history", (it) => {
  it.effect.prop(
    "a breaker is as the model says",
    [steps],
    ([history]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(0)
        const { list, force, release } = yield* Breakers
        const { publish } = yield* BreakerHints
        const breaker = yield* breakerOf("opa")
        const model = new Model()
        const begun: Array<readonly [Admission, ModelCall]> = []
        const begin = () => {
          const admission = breaker.admit()
          const expected = model.begin()
          assert.strictEqual(admission instanceof CircuitOpen, expected === undefined, "made or refused")
          if (!(admission instanceof CircuitOpen) && expected !== undefined) begun.push([admission, expected])
        }
        const finish = (which: number, outcome: Outcome) => {
          const call = begun.at(-1 - which)
          if (call === undefined) return
          call[0][outcome]()
          model.finish(call[1], outcome)
        }
        const take = Effect.fnUntraced(function* (step: Step) {
          switch (step._tag) {
            case "Call": {
              const before = begun.length
              begin()
              if (begun.length > before) finish(0, step.outcome)
              return
            }
            case "Begin":
              return begin()
            case "Finish":
              return finish(step.which, step.outcome)
            case "Wait":
              model.wait(step.millis)
              return yield* TestClock.adjust(step.millis)
            case "Hint":
              model.hint(step.kind)
              return yield* publish({ kind: step.kind, dependency: "opa" })
            case "Force": {
              const until = model.now + step.millis
              model.forced = step.millis > 0 ? { state: step.state, until } : undefined
              yield* force("opa", { state: step.state, reason: "", by: "staff-2", until })
              return
            }
            case "Release":
              model.forced = undefined
              yield* release("opa", "staff-2")
          }
        })
        for (const step of history) {
          yield* take(step)
          const [status] = yield* list
          assert.deepInclude(status, { state: model.state, judged: model.judged, failures: model.failures })
          assert.strictEqual(Option.isSome(status?.forced ?? Option.none()), model.forced !== undefined)
          assert.strictEqual(breaker.isClosed(), model.state === "closed")
        }
      }).pipe(Effect.provide(Layer.fresh(Layer.provideMerge(board, MemoryBreakerHints.layer)))),
    { arbitrary: { runs: 100, size: 80 } },
  )
})
