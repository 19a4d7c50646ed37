import * as opaWasm from "@open-policy-agent/opa-wasm"
import { Data, Effect } from "effect"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { readDecision } from "../../src/policy/ReadDecision.ts"

// The package's types promise `loadPolicySync` by name; at run time only its default export has it.
const { loadPolicySync } = (opaWasm as unknown as { readonly default: typeof opaWasm }).default

/** A directory holds no compiled policy that can decide. */
export class PolicyNotLoaded extends Data.TaggedError("PolicyNotLoaded")<{
  /** One sentence for the operator. */
  readonly message: string
  readonly cause: unknown
}> {}

/** A compiled policy in this process. */
export interface WasmPolicy {
  readonly revision: string
  /**
   * What the policy says of a request, as it says it; undefined when it says nothing. Throws when the evaluation
   * breaks off; the next one starts afresh.
   */
  readonly evaluate: (request: DecisionRequest) => unknown
}

const entryPoint = "gateway/decision/decision"

/** Loads `policy.wasm` and `data.json`, as `policies/build.ts` makes them, from a directory. */
export const loadWasmPolicy = (directory: string): Effect.Effect<WasmPolicy, PolicyNotLoaded> =>
  Effect.tryPromise({
    try: async () => {
      const [code, dataFile] = await Promise.all([
        readFile(join(directory, "policy.wasm")),
        readFile(join(directory, "data.json"), "utf8"),
      ])
      const data = JSON.parse(dataFile)
      const revision: unknown = data.gateway.revision
      if (typeof revision !== "string") throw new Error("data.json names no revision.")
      const evaluate = evaluatorOf(await WebAssembly.compile(code), data)
      // It decides this request too: it denies it.
      if (readDecision(evaluate({})) === undefined) throw new Error("policy.wasm does not decide.")
      return { revision, evaluate }
    },
    catch: (cause) =>
      new PolicyNotLoaded({
        message: `The compiled policy in ${directory} cannot be used: ${String(cause)}`,
        cause,
      }),
  })

const evaluatorOf = (module: WebAssembly.Module, data: object) => {
  const instantiate = () => {
    const instance = loadPolicySync(module)
    instance.setData(data)
    return instance
  }
  let policy: opaWasm.LoadedPolicy | undefined
  return (input: object): unknown => {
    const instance = (policy ??= instantiate())
    try {
      // The answer is a list of one result, or of none.
      return instance.evaluate(utf8.encode(textOf(input)).buffer, entryPoint)[0]?.result
    } catch (cause) {
      // What breaks off does not unwind the instance's stack; after a thousand times it would fail for everybody.
      policy = undefined
      throw cause
    }
  }
}

const utf8 = new TextEncoder()

/** As JSON. Unpaired surrogates become U+FFFD as OPA reads them; the compiled policy breaks off where it meets one. */
const textOf = (input: object): string => {
  const text = JSON.stringify(input)
  return text.includes("\\ud")
    ? text.replaceAll(/\\\\|\\ud[89a-f]../g, (escape) => (escape.length === 2 ? escape : "\\ufffd"))
    : text
}
