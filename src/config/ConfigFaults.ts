import { Data, Runtime } from "effect"

/** One wrong or missing setting, in words an operator can act on. Never holds the value of a secret. */
export interface Fault {
  readonly variable: string
  /** A sentence that says what is wrong. */
  readonly problem: string
  /** A sentence that says what to do. */
  readonly fix: string
}

/** The configuration cannot be used. Carries every fault at once (SPEC 1), and the exit code of a process that dies of it. */
export class ConfigFaults extends Data.TaggedError("ConfigFaults")<{
  readonly faults: ReadonlyArray<Fault>
  /** Variables that look like misspelt settings; one of them may be the missing one. */
  readonly warnings: ReadonlyArray<string>
}> {
  /** Of one fault. */
  static readonly of = (fault: Fault): ConfigFaults => new ConfigFaults({ faults: [fault], warnings: [] })

  override readonly [Runtime.errorExitCode] = 2
  /** One line a fault, then one a warning. */
  override get message(): string {
    const faults = this.faults.map(({ variable, problem, fix }) => `${variable}: ${problem} ${fix}`)
    return [...faults, ...this.warnings].join("\n")
  }
}
