import { Effect, Layer, Option } from "effect"
import { readDecision } from "../../src/policy/ReadDecision.ts"
import {
  type Remembered,
  SharedDecisions,
  SharedDecisionsUnavailable,
} from "../../src/policy/SharedDecisions.ts"
import { IoRedis } from "./IoRedis.ts"

const prefix = "gateway:decision:"

/** The policy engine is asked within this time, so whoever waits longer here would wait in vain. */
const patience = "100 millis"

/** One string a decision, which Redis drops when its time is over. */
export const layer = Layer.effect(
  SharedDecisions,
  Effect.gen(function* () {
    const client = yield* IoRedis
    return SharedDecisions.of({
      get: (key) =>
        Effect.map(
          command(() => client.get(prefix + key)),
          read,
        ),
      set: (key, remembered, keepSeconds) =>
        Effect.asVoid(
          command(() =>
            client.set(
              prefix + key,
              JSON.stringify(remembered),
              "PX",
              Math.max(1, Math.ceil(keepSeconds * 1000)),
            ),
          ),
        ),
    })
  }),
)

const command = <A>(run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => new SharedDecisionsUnavailable({ cause }) }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(new SharedDecisionsUnavailable({ cause: "Redis did not answer in time." })),
    }),
  )

/** Whoever can write to Redis may have written anything. */
const read = (text: string | null): Option.Option<Remembered> => {
  if (text === null) return Option.none()
  const value = parse(text)
  if (typeof value !== "object" || value === null) return Option.none()
  if (!("decidedAt" in value) || !("decision" in value)) return Option.none()
  const { decidedAt } = value
  const decision = readDecision(value.decision)
  return typeof decidedAt === "number" && decision !== undefined
    ? Option.some({ decision, decidedAt })
    : Option.none()
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
