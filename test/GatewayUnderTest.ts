import { ConfigProvider, Context, Effect, Layer, Option, type Scope } from "effect"
import { HttpServer } from "effect/http"
import * as Testing from "../layers/Testing.ts"
import { mint, type MintOptions } from "../src/auth/Mint.ts"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import type { DemoPlantShape } from "../src/demo/DemoPlant.ts"
import * as Gateway from "../src/Gateway.ts"
import type { Lifecycle } from "../src/http/Lifecycle.ts"
import { AdminAddress, PortalsAddress } from "../src/http/Server.ts"
import { UpstreamUrls } from "../src/http/Upstreams.ts"
import type { PortalId } from "../src/portals/Portal.ts"
import { temporaryFolder } from "./TemporaryFolder.ts"
import { type Answer, exchangeRaw, send, type Sent } from "./Wire.ts"

/** A whole gateway on a free port of 127.0.0.1, over recording upstreams; it lives as long as its scope. */
export interface GatewayUnderTest {
  readonly port: number
  /** The operators' side. */
  readonly adminPort: number
  readonly plant: DemoPlantShape
  readonly sandbox: DemoPlantShape
  readonly direct: DemoPlantShape
  /** A development token of the portal. */
  readonly token: (portal: PortalId, options?: MintOptions) => Effect.Effect<string>
  /** One request through Node's client; the path goes out byte for byte. */
  readonly send: (request: Sent) => Effect.Effect<Answer>
  /** Raw bytes on a new connection; everything that comes back until it is closed. */
  readonly raw: (bytes: string | Buffer) => Effect.Effect<string>
  /** How many requests reached an upstream, health probes aside. */
  readonly reached: () => number
}

export interface Setup extends Testing.Handlers {
  /** Environment variables beyond the test defaults. */
  readonly env?: Readonly<Record<string, string>>
  /** Where the upstreams are, instead of the recording ones; without `direct` there is no direct integration. */
  readonly urls?: Omit<UpstreamUrls["Service"], "direct"> & Partial<UpstreamUrls["Service"]>
  /** Ports that are met otherwise than in `layers/Testing.ts`. */
  readonly ports?: Layer.Layer<never, never, GatewayConfig | Lifecycle>
}

const defaults = {
  PORT: "0",
  ADMIN_PORT: "0",
  LOG_LEVEL: "Error",
  JWT_SECRET_CP: "a-secret-for-tests-of-the-customers-portal",
  JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
}

const portOf = ({ address }: PortalsAddress["Service"]): number =>
  Number(new URL(HttpServer.formatAddress(address)).port)

export const startGateway = (setup: Setup = {}): Effect.Effect<GatewayUnderTest, never, Scope.Scope> =>
  Effect.gen(function* () {
    const env = { ...defaults, STATE_DIR: yield* temporaryFolder, ...setup.env }
    const config = GatewayConfig.layer.pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
    )
    const { urls, ports = Layer.empty } = setup
    const placed =
      urls === undefined ? Layer.empty : Layer.succeed(UpstreamUrls, { direct: Option.none(), ...urls })
    const world = Layer.merge(placed, ports).pipe(Layer.provideMerge(Testing.layer(setup)))
    const context = yield* Layer.build(Gateway.over(world).pipe(Layer.provideMerge(config)))
    const { plant, sandbox, direct } = Context.get(context, Testing.RecordingUpstreams)
    const port = portOf(Context.get(context, PortalsAddress))
    const gateway: GatewayUnderTest = {
      port,
      adminPort: portOf(Context.get(context, AdminAddress)),
      plant,
      sandbox,
      direct,
      token: (portal, options) => mint(portal, options).pipe(Effect.provideContext(context), Effect.orDie),
      send: (request) => send(port, request),
      raw: (bytes) => exchangeRaw(port, bytes),
      reached: () =>
        [plant, sandbox, direct].flatMap(({ requests }) => requests).filter(({ url }) => url !== "/health")
          .length,
    }
    return gateway
  }).pipe(Effect.orDie)

/** What the last request that reached an upstream said in a header; undefined when it had none of that name. */
export const lastHeader = (upstream: DemoPlantShape, name: string): string | undefined =>
  upstream.requests.at(-1)?.rawHeaders.find(([sent]) => sent.toLowerCase() === name)?.[1]
