import { Effect } from "effect"
import { type Dispatcher, errors, Pool } from "undici"
import type { DecisionRequest } from "../../src/policy/Decision.ts"
import { PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { roundTrip } from "./RoundTrip.ts"

/** What a server says to a query. */
export interface Answer {
  /** As many as there were requests, in their order; null where the policy yielded none. */
  readonly decisions: ReadonlyArray<unknown>
  readonly revision: string
}

/** One OPA server. Every question to it has an end: a whole answer, or a failure that says why there is none. */
export interface OpaServer {
  /** What operators read instead of its address. */
  readonly name: string
  readonly ask: (requests: ReadonlyArray<DecisionRequest>) => Effect.Effect<Answer, PolicyUnavailable>
  /** Asks whether it could decide: whether it is well, and holds our policy. */
  readonly check: Effect.Effect<Answer, PolicyUnavailable>
}

/** The whole package `gateway.batch`: decisions and revision in one answer. */
const query = "/v1/data/gateway/batch"
/** Ten decisions are a few kilobytes; what is larger than this is not read to its end. */
const maxBytes = 256 * 1024
/** Enough for more queries at once than one server evaluates. */
const connections = 32

/** Its connections close with the scope. Makes none before it is asked. */
export const makeOpaServer = Effect.fnUntraced(function* (name: string, url: string, timeoutMillis: number) {
  const pool = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Pool(url, {
          connections,
          allowH2: false,
          maxResponseSize: maxBytes,
          connect: { timeout: timeoutMillis },
          // Longer than anybody waits: for what was given up before it had a connection.
          headersTimeout: 2 * timeoutMillis,
          bodyTimeout: 2 * timeoutMillis,
        }),
    ),
    (opened) => Effect.promise(() => opened.destroy()),
  )

  const fail = (reason: PolicyUnavailable["reason"], what: string, cause?: unknown) =>
    new PolicyUnavailable({ reason, message: `${name} ${what}`, cause })

  const whyNot = (cause: Error): PolicyUnavailable => {
    if (cause instanceof errors.ResponseExceededMaxSizeError)
      return fail("unreadable", `answered with more than ${maxBytes} bytes.`, cause)
    if (cause instanceof errors.HTTPParserError)
      return fail("unreadable", "answered with what is no HTTP.", cause)
    // Its message has the server's address.
    return fail(
      "unreachable",
      `cannot be reached (${"code" in cause ? String(cause.code) : cause.name}).`,
      cause,
    )
  }
  const silence = Effect.suspend(() =>
    Effect.fail(fail("timeout", `did not answer within ${timeoutMillis} ms.`)),
  )
  const textOf = (options: Dispatcher.DispatchOptions) =>
    roundTrip(pool, options).pipe(
      Effect.mapError(whyNot),
      Effect.timeoutOrElse({ duration: timeoutMillis, orElse: () => silence }),
      Effect.flatMap(({ status, text }) =>
        status === 200
          ? Effect.succeed(text)
          : Effect.fail(fail("status", `answered with status ${status}.`)),
      ),
    )

  const read = (text: string, expected: number): Answer | PolicyUnavailable => {
    const answer = parse(text)
    if (!isObject(answer)) return fail("unreadable", "answered with what is no JSON object.")
    const result = answer["result"]
    if (result === undefined) return fail("undefined", "holds no policy that decides.")
    if (!isObject(result)) return fail("unreadable", "answered with what are no decisions.")
    const { decisions, revision } = result
    if (!Array.isArray(decisions)) return fail("unreadable", "answered with what are no decisions.")
    // One too few, and every decision could be another request's.
    if (decisions.length !== expected)
      return fail("unreadable", `gave ${decisions.length} decisions for ${expected} requests.`)
    if (typeof revision !== "string") return fail("unreadable", "does not say which policy decided.")
    return { decisions, revision }
  }

  const ask = (requests: ReadonlyArray<DecisionRequest>): Effect.Effect<Answer, PolicyUnavailable> =>
    Effect.flatMap(
      textOf({
        method: "POST",
        path: query,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ input: { requests } }),
      }),
      (text) => {
        const answer = read(text, requests.length)
        return answer instanceof PolicyUnavailable ? Effect.fail(answer) : Effect.succeed(answer)
      },
    )

  return {
    name,
    ask,
    check: Effect.andThen(textOf({ method: "GET", path: "/health" }), ask([])),
  } satisfies OpaServer
})

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
