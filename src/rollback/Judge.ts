import { Clock, Deferred, Duration, Effect, FiberSet, Schedule } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import type { BreakerState } from "./Breakers.ts"

export type Outcome = "success" | "failure"

/** The call that finds out whether a dependency is back. */
export interface Probe {
  /** False once it has been settled, or has kept silent for too long. */
  readonly isAwaited: () => boolean
  /** How it went; "nothing" leaves its place to the next. */
  readonly settle: (outcome: Outcome | "nothing") => void
}

/** Judges one circuit. All that a function brings about has happened when it returns. */
export interface Judge {
  /** How a call went that did not ask. Nothing is heard of it while the circuit is open. */
  readonly tell: (outcome: Outcome) => void
  /** Whether a call may probe a circuit that is not closed; otherwise how long to wait. */
  readonly ask: () => Probe | Duration.Duration
}

/** A probe runs elsewhere, and nobody knows for how long. */
const whileProbed = Duration.seconds(1)

const states = { Closed: "closed", Open: "open", HalfOpen: "half-open" } as const

/**
 * Judges over the library's circuit breaker, which is told of calls instead of making them. It is experimental in
 * Effect 4.1, and this is the one file that knows it.
 */
export const makeJudges = Effect.fnUntraced(function* (settings: {
  readonly failuresMax: number
  readonly openSeconds: number
}) {
  const openTime = Duration.seconds(settings.openSeconds)
  const clock = steady(yield* Clock.Clock)
  const run = yield* Effect.provideService(FiberSet.makeRuntime(), Clock.Clock, clock)

  const listeners = new Map<string, (transition: CircuitBreaker.Transition) => void>()
  const heard = (transition: CircuitBreaker.Transition | undefined) =>
    Effect.sync(() => {
      if (transition !== undefined) listeners.get(transition.key)?.(transition)
    })
  const store = yield* Effect.service(CircuitBreaker.CircuitBreakerStore).pipe(
    // Not shared with other judges. Its entries are few, and one that it forgot would be closed without a word.
    Effect.provide(CircuitBreaker.layerStoreMemory({ idleTimeToLive: Duration.infinity }), { local: true }),
  )
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(settings.failuresMax),
    openDuration: Schedule.spaced(openTime),
  }).pipe(
    // The library's own `transitions` come a moment later.
    Effect.provideService(CircuitBreaker.CircuitBreakerStore, {
      admit: (key) => Effect.tap(store.admit(key), ({ transition }) => heard(transition)),
      record: (outcome) => Effect.tap(store.record(outcome), heard),
      state: store.state,
    }),
  )

  /** The judge of the dependency; `changed` is called at each transition, while it happens. */
  return (dependency: string, changed: (from: BreakerState, to: BreakerState) => void): Judge => {
    const key = { key: dependency }
    let openUntil = 0
    let current: Probe | undefined
    listeners.set(dependency, (transition) => {
      if (transition.to === "Open") {
        openUntil = clock.currentTimeMillisUnsafe() + Duration.toMillis(transition.retryAfter)
      }
      changed(states[transition.from], states[transition.to])
    })

    const probe = Effect.suspend(() => {
      const verdict = Deferred.makeUnsafe<void, "failure">()
      const settle = (outcome: Outcome | "nothing") => {
        silence.interruptUnsafe()
        Deferred.doneUnsafe(verdict, exits[outcome])
      }
      const silence = run(Effect.map(Effect.sleep(openTime), () => settle("nothing")))
      current = { isAwaited: () => !Deferred.isDoneUnsafe(verdict), settle }
      return Deferred.await(verdict)
    })

    return {
      tell: (outcome) => {
        run(Effect.ignore(breaker.execute(outcome === "success" ? Effect.void : Effect.fail(outcome), key)))
      },
      ask: () => {
        // What the library has said already: asking it costs as much as a call.
        const wait = openUntil - clock.currentTimeMillisUnsafe()
        if (wait > 0) return Duration.millis(Math.ceil(wait))
        if (current?.isAwaited() === true) return whileProbed
        run(Effect.ignore(breaker.execute(probe, key)))
        return current?.isAwaited() === true ? current : whileProbed
      },
    }
  }
})

const exits = { success: Effect.void, failure: Effect.fail("failure" as const), nothing: Effect.interrupt }

/** The library measures by the wall clock; set back by an hour, it would keep a circuit open for as long. */
const steady = (clock: Clock.Clock): Clock.Clock => {
  const currentTimeMillisUnsafe = () => monotonicMillis(clock)
  return {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    currentTimeNanos: clock.monotonicTimeNanos,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration),
  }
}
