import { Cause, type Clock, Duration, Effect, Exit, Option } from "effect"
import {
  type Admission,
  type Breaker,
  type BreakerState,
  type BreakerStatus,
  CircuitOpen,
  type Forced,
} from "./Breakers.ts"
import type { Judge, Outcome, Probe } from "./Judge.ts"

/** What a circuit is made of. */
export interface CircuitParts {
  readonly dependency: string
  readonly judge: Judge
  readonly failuresMax: number
  readonly clock: Clock.Clock
  /** Called for each call that is refused. */
  readonly refused: () => void
}

/**
 * The breaker of one dependency.
 *
 * While the circuit is closed a call asks nobody: the judge is told of failures, and of the success that ends a row
 * of them. Every other call asks the judge first. What an operator forces lies over this and changes none of it.
 */
export class Circuit implements Breaker {
  readonly dependency: string
  readonly #parts: CircuitParts
  #judged: BreakerState = "closed"
  /** Counts the transitions: what a call shows that began before one is no news after it. */
  #epoch = 0
  #failures = 0
  /** Another instance's circuit opened: the judge has been told of as many failures as leave one to go. */
  #suspected = false
  #forced: Forced | undefined
  #since: number

  constructor(parts: CircuitParts) {
    this.dependency = parts.dependency
    this.#parts = parts
    this.#since = this.#now()
  }

  readonly protect: Breaker["protect"] = (effect, counts) =>
    Effect.suspend(() => {
      const admission = this.admit()
      return admission instanceof CircuitOpen
        ? Effect.fail(admission)
        : Effect.onExitPrimitive(effect, (exit) => report(admission, exit, counts))
    })

  readonly admit = (): Admission | CircuitOpen => {
    const forced = this.#inForce()
    if (forced?.state === "open") return this.#refuse(Duration.millis(forced.until - this.#now()))
    if (forced !== undefined || this.#judged === "closed") return new Call(this, this.#epoch, undefined)
    const answer = this.#parts.judge.ask()
    return Duration.isDuration(answer) ? this.#refuse(answer) : new Call(this, this.#epoch, answer)
  }

  readonly isClosed = (): boolean => (this.#inForce()?.state ?? this.#judged) === "closed"

  get status(): BreakerStatus {
    const forced = this.#inForce()
    return {
      dependency: this.dependency,
      state: forced?.state ?? this.#judged,
      judged: this.#judged,
      failures: this.#failures,
      since: this.#since,
      forced: Option.fromUndefinedOr(forced),
    }
  }

  /** Lays an operator's word over the judgement, or takes it off. */
  force(forced: Option.Option<Forced>): void {
    this.#forced = Option.getOrUndefined(forced)
    this.#since = this.#now()
  }

  /**
   * Another instance's circuit opened: the next failure opens this one. A success before it shows that it was about
   * the other's network.
   */
  suspect(): void {
    if (this.#judged !== "closed" || this.#suspected) return
    this.#suspected = true
    for (let told = this.#failures + 1; told < this.#parts.failuresMax; told++) this.#tell("failure")
  }

  /** Another instance's circuit closed: what its opening said is taken back, and what was seen here stays. */
  trust(): void {
    if (!this.#suspected) return
    this.#suspected = false
    this.#tell("success")
    for (let told = 0; told < this.#failures; told++) this.#tell("failure")
  }

  /** How a call went that was admitted in that epoch. */
  heard(outcome: Outcome, epoch: number, probe: Probe | undefined): void {
    if (probe !== undefined) {
      if (outcome === "failure" && probe.isAwaited()) this.#failures++
      return probe.settle(outcome)
    }
    if (epoch !== this.#epoch) return
    if (outcome === "failure") this.#failures++
    else if (this.#failures > 0 || this.#suspected || this.#judged !== "closed") {
      this.#failures = 0
      this.#suspected = false
    } else return
    this.#tell(outcome)
  }

  /** The judge has come to another judgement. Gives what led to it. */
  changed(to: BreakerState): { readonly failures: number; readonly suspected: boolean } {
    const before = { failures: this.#failures, suspected: this.#suspected }
    this.#judged = to
    this.#epoch++
    this.#since = this.#now()
    this.#suspected = false
    if (to === "closed") this.#failures = 0
    return before
  }

  #tell(outcome: Outcome): void {
    this.#parts.judge.tell(outcome)
  }

  #refuse(retryAfter: Duration.Duration): CircuitOpen {
    this.#parts.refused()
    return new CircuitOpen({ dependency: this.dependency, retryAfter })
  }

  #inForce(): Forced | undefined {
    return this.#forced !== undefined && this.#now() < this.#forced.until ? this.#forced : undefined
  }

  #now(): number {
    return this.#parts.clock.currentTimeMillisUnsafe()
  }
}

/** One is made for each call, so it has no private methods: V8 would brand every instance. */
class Call implements Admission {
  readonly #circuit: Circuit
  readonly #epoch: number
  readonly #probe: Probe | undefined
  #isOver = false

  constructor(circuit: Circuit, epoch: number, probe: Probe | undefined) {
    this.#circuit = circuit
    this.#epoch = epoch
    this.#probe = probe
  }

  succeeded(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#circuit.heard("success", this.#epoch, this.#probe)
  }

  failed(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#circuit.heard("failure", this.#epoch, this.#probe)
  }

  ended(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#probe?.settle("nothing")
  }
}

const report = <A, E>(
  admission: Admission,
  exit: Exit.Exit<A, E>,
  counts: ((error: E) => boolean) | undefined,
): undefined => {
  if (Exit.isSuccess(exit)) admission.succeeded()
  else if (exit.cause.reasons.some((reason) => isFailure(reason, counts))) admission.failed()
  else admission.ended()
}

const isFailure = <E>(reason: Cause.Reason<E>, counts: ((error: E) => boolean) | undefined): boolean =>
  Cause.isDieReason(reason) || (Cause.isFailReason(reason) && (counts === undefined || counts(reason.error)))
