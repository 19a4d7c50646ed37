import { Console, Effect, Option } from "effect"
import { HttpServer } from "effect/http"
import { mint } from "../auth/Mint.ts"
import { GatewayConfig, type GatewaySettings } from "../config/GatewayConfig.ts"
import { AdminAddress, PortalsAddress } from "../http/Server.ts"
import { UpstreamUrls } from "../http/Upstreams.ts"
import { Cp } from "../portals/Cp.ts"
import type { Portal } from "../portals/Portal.ts"
import { Pp } from "../portals/Pp.ts"

/**
 * Tells a newcomer what runs and what to try: addresses, layers, and for each portal a `curl` with a development
 * token. Printed once, by the embedded profile in development; elsewhere a log line of each worker says it for
 * machines.
 */
export const banner = Effect.fnUntraced(function* (workerIndex: number) {
  const config = yield* GatewayConfig
  const address = baseUrl((yield* PortalsAddress).address)
  const admin = baseUrl((yield* AdminAddress).address)
  if (config.profile !== "embedded" || config.environment !== "development" || workerIndex !== 0) {
    return yield* Effect.logInfo("Listening").pipe(
      Effect.annotateLogs({ address, admin, ...layersOf(config) }),
    )
  }
  const urls = yield* UpstreamUrls
  const portals = [Cp, Pp].filter(({ id }) => config.portal.type === "BOTH" || config.portal.type === id)
  const { apiUrl, sandboxUrl, directUrl } = config.plant
  const demo = (url: Option.Option<string>) => (Option.isNone(apiUrl) && Option.isNone(url) ? " (demo)" : "")
  const lines = [
    "",
    "  Constitutional Gateway, embedded profile",
    "",
    ...portals.map((portal) => `  ${portal.id} portal  ${address}${prefixOf(portal, config)}`),
    `  Admin      ${admin}  (/ready, /metrics, /_gateway/problems)`,
    `  Plant      ${urls.plant}${demo(apiUrl)}`,
    `  Sandbox    ${Option.getOrElse(urls.sandbox, () => "none: trial requests are refused")}${demo(sandboxUrl)}`,
    `  Direct     ${Option.getOrElse(urls.direct, () => "none: customers who are not enrolled are refused")}${demo(directUrl)}`,
    `  Layers     ${Object.entries(layersOf(config))
      .map(([name, layer]) => `${name}=${layer}`)
      .join("  ")}`,
    "",
    "  Try it (the tokens are good for an hour):",
    "",
    ...(yield* Effect.forEach(portals, (portal) => curlFor(portal, address, config))),
    "",
  ]
  yield* Console.log(lines.join("\n"))
})

const curlFor = (portal: Portal, address: string, config: GatewaySettings) =>
  mint(portal.id).pipe(
    Effect.map(
      (token) =>
        `  curl -s ${address}${prefixOf(portal, config)}/api/v1/agents -H 'Authorization: Bearer ${token}'\n`,
    ),
    Effect.catchTag("CannotMint", ({ message }) => Effect.succeed(`  ${portal.id}: ${message}\n`)),
  )

/** What a wildcard address is called on this machine. */
const baseUrl = (address: HttpServer.HttpServer["Service"]["address"]): string =>
  HttpServer.formatAddress(address).replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1")

const prefixOf = (portal: Portal, { portal: { type, hosts } }: GatewaySettings): string =>
  type === "BOTH" && hosts.CP.length === 0 ? portal.prefix : ""

const layersOf = ({ profile, policy, postgres, redis, switches, rateLimit }: GatewaySettings) => ({
  profile,
  opa: policy.layer,
  postgres: postgres.layer,
  redis: redis.layer,
  auth: onOff(switches.auth),
  rbac: onOff(switches.rbac),
  policy: onOff(switches.policy),
  errors: onOff(switches.errors),
  rate_limit: onOff(rateLimit.enabled),
})

const onOff = (on: boolean): string => (on ? "on" : "off")
