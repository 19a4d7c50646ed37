import { Context, Data, type Duration, type Effect, type Option } from "effect"

/** The dependency is not asked now. */
export class CircuitOpen extends Data.TaggedError("CircuitOpen")<{
  readonly dependency: string
  /** When asking may make sense again. */
  readonly retryAfter: Duration.Duration
}> {}

/** An operator's word over the breaker's own judgement. Times in milliseconds since the epoch. */
export interface Forced {
  readonly state: "open" | "closed"
  readonly reason: string
  readonly by: string
  readonly since: number
  readonly until: number
}

export type BreakerState = "closed" | "open" | "half-open"

/** How a breaker stands. */
export interface BreakerStatus {
  readonly dependency: string
  /** What calls meet: the forced state when there is one. */
  readonly state: BreakerState
  /** How it would stand if nothing were forced: it goes on judging the calls that are made. */
  readonly judged: BreakerState
  /** How many calls of this instance have failed since the last that succeeded. */
  readonly failures: number
  /** When this instance last saw it change; milliseconds since the epoch. */
  readonly since: number
  readonly forced: Option.Option<Forced>
}

/** Leave to make one call. The first word on how it went counts; later ones say nothing. */
export interface Admission {
  readonly succeeded: () => void
  readonly failed: () => void
  /** The call is over and showed nothing of the dependency. */
  readonly ended: () => void
}

/** The circuit breaker of one dependency (SPEC 6), never of one route. */
export interface Breaker {
  readonly dependency: string
  /**
   * Runs `effect` unless the circuit is open. A failure for which `counts` holds (by default any), and a defect,
   * counts against the dependency; a success clears the count; an interruption says nothing.
   */
  readonly protect: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    counts?: (error: E) => boolean,
  ) => Effect.Effect<A, E | CircuitOpen, R>
  /**
   * The same for who learns how a call went before it is over, such as a relay when the answer's head has come: a
   * client that reads slowly must not hold the place of the probe.
   */
  readonly admit: () => Admission | CircuitOpen
  /** Whether a call would run and be one of many, read at once: false while open, forced open or half open. */
  readonly isClosed: () => boolean
}

/**
 * The breakers of this instance, one a dependency: `CIRCUIT_BREAKER_FAIL_MAX` consecutive failures open it for
 * `CIRCUIT_BREAKER_OPEN_SECONDS`, then one probe decides. A probe of which nothing is heard for as long again gives
 * its place to the next call.
 *
 * Every transition is logged, counted, audited (`circuit_opened` is CRITICAL), and told to the other instances as a
 * hint: theirs then opens at the next failure. What an operator forces holds on every instance until it expires or
 * is released, also for an instance that starts meanwhile.
 */
export class Breakers extends Context.Service<
  Breakers,
  {
    /** The breaker of the dependency, the same for everyone who asks. */
    readonly of: (dependency: string) => Effect.Effect<Breaker>
    readonly list: Effect.Effect<ReadonlyArray<BreakerStatus>>
    /** False when there is no such breaker. */
    readonly force: (
      dependency: string,
      forced: Pick<Forced, "state" | "reason" | "by" | "until">,
    ) => Effect.Effect<boolean>
    readonly release: (dependency: string, by: string) => Effect.Effect<boolean>
  }
>()("gateway/rollback/Breakers") {}
