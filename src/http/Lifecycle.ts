import { Context, Effect, Layer, Ref } from "effect"

/** What a dependency says when asked how it is. */
export interface DependencyStatus {
  readonly name: string
  readonly status: "up" | "down"
  /** One sentence for the operator; no addresses, no secrets. */
  readonly detail: string
}
export type Probe = Effect.Effect<DependencyStatus>

/**
 * Whether this process takes part: it drains before it stops, and each dependency's layer registers how to ask
 * after it. A dependency that is down does not make the gateway unready: answers then follow that dependency's
 * own rule, and taking every instance out of the load balancer would turn a partial outage into a whole one.
 */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /** True from the stop signal on; read on the request path. */
    readonly isDraining: () => boolean
    readonly startDraining: Effect.Effect<void>
    readonly watch: (probe: Probe) => Effect.Effect<void>
    readonly dependencies: Effect.Effect<ReadonlyArray<DependencyStatus>>
  }
>()("gateway/http/Lifecycle") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      let draining = false
      const probes = yield* Ref.make<ReadonlyArray<Probe>>([])
      return Lifecycle.of({
        isDraining: () => draining,
        startDraining: Effect.sync(() => {
          draining = true
        }),
        watch: (probe) => Ref.update(probes, (all) => [...all, probe]),
        dependencies: Effect.flatMap(Ref.get(probes), (all) => Effect.all(all, { concurrency: "unbounded" })),
      })
    }),
  )
}
