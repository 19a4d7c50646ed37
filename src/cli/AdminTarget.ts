import { Config, Effect, Option, Redacted } from "effect"
import { Flag } from "effect/cli"
import { mint } from "../auth/Mint.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import type { Resolution } from "../config/Resolve.ts"
import { Pp } from "../portals/Pp.ts"
import { resolved } from "./Config.ts"
import { refuse } from "./Refusal.ts"

/** A running gateway and who asks it. */
export interface AdminTarget {
  /** Of the staff's portal, without a slash at its end. */
  readonly url: string
  readonly token: Redacted.Redacted
}

/** The flags by which a command finds a running gateway. */
export const targetFlags = {
  url: Flag.String("url").pipe(
    Flag.withDescription(
      "The staff's portal of the gateway; else GATEWAY_URL, else where this environment's gateway is",
    ),
    Flag.withFallbackConfig(Config.String("GATEWAY_URL")),
    Flag.optional,
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription(
      "A PP access token; else GATEWAY_TOKEN, which others on the machine cannot see, else in development one that JWT_SECRET_PP signs",
    ),
    Flag.withFallbackConfig(Config.Redacted("GATEWAY_TOKEN")),
    Flag.optional,
  ),
}

/** What the flags, or the variables in their place, said. */
export interface SaidTarget {
  readonly url: Option.Option<string>
  readonly token: Option.Option<Redacted.Redacted>
}

/**
 * Which gateway a command means. The environment is read only for what neither a flag nor a variable has said, so that
 * an operator's machine needs no gateway's configuration.
 */
export const targetOf = Effect.fnUntraced(function* (said: SaidTarget) {
  const url = Option.filter(said.url, (text) => text !== "")
  const token = Option.filter(said.token, (secret) => Redacted.value(secret) !== "")
  const environment = yield* Effect.cached(resolved)
  const target: AdminTarget = {
    url: Option.isSome(url) ? yield* checkedUrl(url.value) : yield* Effect.flatMap(environment, urlOf),
    token: Option.isSome(token) ? token.value : yield* Effect.flatMap(environment, developmentToken),
  }
  return target
})

const checkedUrl = (text: string) =>
  /^https?:$/.test(URL.parse(text)?.protocol ?? "")
    ? Effect.succeed(text.replace(/\/+$/, ""))
    : refuse(`${JSON.stringify(text)} is not the URL of a gateway, such as https://pp.waooaw.com.`, 1)

const urlOf = ({ settings: { server, portal } }: Resolution) => {
  if (server.port === 0)
    return refuse("PORT is 0, so only the gateway knows its port. Say where it is with --url.", 1)
  if (portal.type === "CP")
    return refuse(
      "This environment's gateway serves CP only, and the admin API is on PP. Say where it is with --url.",
      1,
    )
  if (portal.type === "BOTH" && portal.hosts.CP.length + portal.hosts.PP.length > 0)
    return refuse("Host names select the portals. Say with --url how the staff's portal is reached.", 1)
  return Effect.succeed(
    `http://${hostOf(server.host)}:${server.port}${portal.type === "BOTH" ? Pp.prefix : ""}`,
  )
}

/** What an address that is listened on is called from this machine. */
const hostOf = (host: string): string =>
  host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host

/** A Governor's, for a minute, from the secret that this environment shares with its gateway. */
const developmentToken = Effect.fnUntraced(function* ({ settings, sources }: Resolution) {
  const shared = sources.get("JWT_SECRET_PP")?.origin === "environment"
  if (settings.environment !== "development" || !shared) {
    return yield* refuse(
      "There is no token. Set GATEWAY_TOKEN to your PP access token; in development, set JWT_SECRET_PP to what the gateway has, and a token is made with it.",
      1,
    )
  }
  return yield* mint("PP", {
    userId: "gateway-cli",
    governorAgentId: "gateway-cli",
    lifetimeSeconds: 60,
  }).pipe(
    Effect.map((token) => Redacted.make(token)),
    Effect.provideService(GatewayConfig, settings),
    Effect.catchTag("CannotMint", ({ message }) => refuse(message, 1)),
  )
})
