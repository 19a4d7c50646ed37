import { Context, Effect, Layer, Option } from "effect"
import { type Dispatcher, Pool } from "undici"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { Breakers } from "../rollback/Breakers.ts"
import { Lifecycle, type Probe } from "./Lifecycle.ts"
import { makeUpstreamGuard, type UpstreamGuard } from "./UpstreamGuard.ts"

/** Connections to a backend, with the knowledge whether any is free. */
export class UpstreamPool {
  readonly pool: Pool
  /** Whether the next request may have to wait for a connection. */
  isSaturated = false

  constructor(pool: Pool) {
    this.pool = pool
    pool.on("drain", () => {
      this.isSaturated = false
    })
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.isSaturated = !this.pool.dispatch(options, handler)
  }
}

/** Where requests are sent. */
export interface Upstream {
  readonly name: "plant" | "plant-sandbox" | "plant-direct"
  /** For requests that end; at most `PLANT_CONNECTIONS`. */
  readonly requests: UpstreamPool
  /** For streams: each holds its connection while its client stays, so they would starve the requests. */
  readonly streams: UpstreamPool
  /** Its circuit breaker and bulkheads: whatever is sent to it goes through. */
  readonly guard: UpstreamGuard["guard"]
}

/** A backend behind the gateway. */
export interface Backend extends Upstream {
  readonly serves: "production" | "sandbox"
}

/** Where the upstreams are: the configured ones, or the demos that the embedded profile starts. */
export class UpstreamUrls extends Context.Service<
  UpstreamUrls,
  {
    /** `http(s)://host[:port]`. */
    readonly plant: string
    readonly sandbox: Option.Option<string>
    readonly direct: Option.Option<string>
  }
>()("gateway/http/UpstreamUrls") {
  static readonly layerConfigured = Layer.effect(
    this,
    Effect.gen(function* () {
      const { plant } = yield* GatewayConfig
      // Config decoding refuses a production profile without it.
      return {
        plant: Option.getOrThrow(plant.apiUrl),
        sandbox: plant.sandboxUrl,
        direct: plant.directUrl,
      }
    }),
  )
}

/** The connection pools. HTTP/1.1 only: what two ends negotiate silently is not what was tested. */
export class Upstreams extends Context.Service<
  Upstreams,
  {
    readonly plant: Backend
    /** For trial customers; without one their requests are refused, never sent to `plant`. */
    readonly sandbox: Option.Option<Backend>
    /** For customers who are not enrolled (SPEC 11); without one their requests are refused. */
    readonly direct: Option.Option<Upstream>
  }
>()("gateway/http/Upstreams") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { plant } = yield* GatewayConfig
      const urls = yield* UpstreamUrls
      const lifecycle = yield* Lifecycle
      const breakers = yield* Breakers

      /** `idleTimeout`: for the first byte and between bytes, in milliseconds; 0 waits for ever. */
      const connect = (url: string, connections: number | null, idleTimeout: number) =>
        Effect.acquireRelease(
          Effect.sync(
            () =>
              new Pool(url, {
                connections,
                pipelining: 1,
                allowH2: false,
                headersTimeout: idleTimeout,
                bodyTimeout: idleTimeout,
                connect: { timeout: Math.min(plant.timeoutSeconds, 5) * 1000 },
              }),
          ),
          (pool) => Effect.promise(() => pool.destroy()),
        ).pipe(Effect.map((pool) => new UpstreamPool(pool)))

      const open = Effect.fnUntraced(function* (name: Upstream["name"], url: string) {
        const requests = yield* connect(url, plant.connections, plant.timeoutSeconds * 1000)
        const streams = yield* connect(url, null, 0)
        yield* lifecycle.watch(probe(name, streams.pool))
        const { guard } = yield* makeUpstreamGuard({
          breaker: yield* breakers.of(name),
          concurrency: plant.concurrency,
        })
        return { name, requests, streams, guard } satisfies Upstream
      })
      const openIfAny = (name: Upstream["name"], url: Option.Option<string>) =>
        Option.isSome(url) ? Effect.asSome(open(name, url.value)) : Effect.succeedNone

      const production = yield* open("plant", urls.plant)
      const sandbox = yield* openIfAny("plant-sandbox", urls.sandbox)
      return {
        plant: { ...production, serves: "production" },
        sandbox: Option.map(sandbox, (upstream) => ({ ...upstream, serves: "sandbox" as const })),
        direct: yield* openIfAny("plant-direct", urls.direct),
      }
    }),
  )
}

/** Any HTTP answer shows that an upstream is there; what it says of itself is its own affair. */
const probe = (name: string, pool: Pool): Probe =>
  Effect.tryPromise((signal) =>
    pool
      .request({ method: "GET", path: "/health", signal })
      .then(({ statusCode, body }) => body.dump().then(() => statusCode)),
  ).pipe(
    Effect.timeout("2 seconds"),
    Effect.match({
      onSuccess: (status) => ({ name, status: "up" as const, detail: `Answered ${status}.` }),
      onFailure: () => ({ name, status: "down" as const, detail: "Did not answer." }),
    }),
  )
