import type { GatewaySettings } from "../config/GatewayConfig.ts"
import { Cp } from "../portals/Cp.ts"
import type { Portal, PortalId } from "../portals/Portal.ts"
import { Pp } from "../portals/Pp.ts"

interface PortalChoice {
  readonly portal: PortalId | undefined
  /** The request target without the portal's prefix. */
  readonly rest: string
}

/**
 * Which portal a request is for: the only one served, or by host name, or by prefix (`GATEWAY_TYPE`, SPEC 1).
 * A prefix is compared with the raw target, so no encoding of it selects a portal.
 */
export const makePortalReader = (
  config: GatewaySettings["portal"],
): ((rawUrl: string, host: string) => PortalChoice) => {
  const { type, hosts } = config
  if (type !== "BOTH") return (rest) => ({ portal: type, rest })
  if (hosts.CP.length > 0 || hosts.PP.length > 0) {
    const byHost = new Map<string, PortalId>([
      ...hosts.CP.map((host) => [host.toLowerCase(), "CP"] as const),
      ...hosts.PP.map((host) => [host.toLowerCase(), "PP"] as const),
    ])
    return (rest, host) => ({ portal: byHost.get(hostWithoutPort(host)), rest })
  }
  return (rawUrl) => underPrefix(Cp, rawUrl) ?? underPrefix(Pp, rawUrl) ?? { portal: undefined, rest: rawUrl }
}

const underPrefix = (portal: Portal, rawUrl: string): PortalChoice | undefined =>
  rawUrl.startsWith(portal.prefix) && rawUrl[portal.prefix.length] === "/"
    ? { portal: portal.id, rest: rawUrl.slice(portal.prefix.length) }
    : undefined

const hostWithoutPort = (host: string): string => host.toLowerCase().replace(/:\d+$/, "")
