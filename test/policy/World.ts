import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as MemorySharedDecisions from "../../layers/memory/SharedDecisions.ts"
import * as WasmPolicyEngine from "../../layers/wasm/PolicyEngine.ts"
import type { Decision, DecisionRequest } from "../../src/policy/Decision.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { FallbackEngine, PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { Shadow } from "../../src/policy/Shadow.ts"
import { SharedDecisions } from "../../src/policy/SharedDecisions.ts"
import { configured } from "../auth/World.ts"
import { breakers } from "../rollback/World.ts"
import { now, staff } from "./Requests.ts"

/** An engine that decides as the compiled policy does, until it is told to fail, to wait, or to be another policy. */
export class Engine extends Context.Service<
  Engine,
  {
    readonly asked: Array<DecisionRequest>
    /** As the compiled policy decides. */
    readonly honest: (request: DecisionRequest) => Effect.Effect<Decision, PolicyUnavailable>
    conduct: (request: DecisionRequest) => Effect.Effect<Decision, PolicyUnavailable>
    revision: string | undefined
  }
>()("test/policy/Engine") {}

const toldEngine = Layer.effectContext(
  Effect.gen(function* () {
    const compiled = yield* WasmPolicyEngine.make
    const told: Engine["Service"] = {
      asked: [],
      honest: compiled.decide,
      conduct: compiled.decide,
      revision: compiled.revision(),
    }
    return Context.make(Engine, told).pipe(
      Context.add(PolicyEngine, {
        decide: (request) =>
          Effect.suspend(() => {
            told.asked.push(request)
            return told.conduct(request)
          }),
        revision: () => told.revision,
      }),
    )
  }),
)

export const away = () =>
  Effect.fail(new PolicyUnavailable({ reason: "unreachable", message: "Nobody is there." }))

/** `SharedDecisions` in memory, and the keys that were read or written. */
export const watched = (keys: Array<string>) =>
  Layer.effect(
    SharedDecisions,
    Effect.map(SharedDecisions, ({ get, set }) => ({
      get: (key) => Effect.suspend(() => (keys.push(key), get(key))),
      set: (key, remembered, keepSeconds) =>
        Effect.suspend(() => (keys.push(key), set(key, remembered, keepSeconds))),
    })),
  ).pipe(Layer.provide(MemorySharedDecisions.layer))

/** `Policy` over servers, as the environment configures it: fresh for 300 seconds, stale for 1800. */
export const policy = (
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly fallback?: PolicyEngine["Service"]
    readonly shared?: Layer.Layer<SharedDecisions>
  } = {},
) =>
  Policy.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        toldEngine,
        breakers(),
        options.shared ?? MemorySharedDecisions.layer,
        Layer.succeed(FallbackEngine, Option.fromUndefinedOr(options.fallback)),
        Shadow.layerOff,
      ),
    ),
    Layer.provide(configured({ OPA_LAYER: "http", OPA_URLS: "http://127.0.0.1:1", ...options.env })),
  )

/** Another instance of the same gateway, with an engine of its own. */
export const instance = (options: Parameters<typeof policy>[0] = {}) =>
  Layer.build(Layer.fresh(policy(options)))

/** Asks at the time of the clock. */
export const decide = (request: DecisionRequest) =>
  Effect.flatMap(
    Effect.clockWith((clock) => clock.currentTimeMillis),
    (at) => Policy.use((_) => _.decide({ ...request, now: at })),
  )

/** `TestClock` at the time of `Requests.ts`. */
export const atNow = TestClock.setTime(now)
/** Milliseconds. */
export const hour = 3_600_000

/** How often the engine was asked since the last time that this was read. */
export const askedSince = Engine.useSync(({ asked }) => asked.splice(0).length)

/** Where the decision came from. */
export const sourceOf = (request: DecisionRequest) => Effect.map(decide(request), ({ source }) => source)

/** From here on it does that. */
export const engineIs = (conduct: Engine["Service"]["conduct"]) =>
  Engine.useSync((engine) => void (engine.conduct = conduct))
export const engineIsHonest = Engine.useSync((engine) => void (engine.conduct = engine.honest))

/** As many as open a circuit, of requests that nobody knows. */
export const fiveFailures = Effect.forEach(
  [1, 2, 3, 4, 5],
  (n) => Effect.flip(decide({ ...staff, subject: `stranger-${n}` })),
  { discard: true },
)
