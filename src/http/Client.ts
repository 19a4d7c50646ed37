import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import type { IncomingMessage } from "node:http"
import type { Client } from "./Exchange.ts"

/**
 * Reads who the client is, by the trusted-proxy rules (SPEC 13): a forwarded header counts only as far as every
 * hop behind it is one of `trustedProxies` (addresses or CIDR blocks).
 */
export const makeClientReader = (
  trustedProxies: ReadonlyArray<string>,
): ((request: IncomingMessage) => Client) => {
  const networks = trustedProxies.map((network) => IpNetwork.fromStringUnsafe(withPrefix(network)))
  const isTrusted = (address: string): boolean => {
    const parsed = NetAddress.ipFromString(address)
    return Result.isSuccess(parsed) && networks.some((network) => IpNetwork.contains(network, parsed.success))
  }
  return (request) => {
    const peer = unmapped(request.socket.remoteAddress ?? "")
    const { headers } = request
    if (networks.length === 0 || !isTrusted(peer)) {
      return { address: peer, protocol: "http", host: headers.host ?? "", forwardedFor: peer }
    }
    const hops = [...addressList(headers["x-forwarded-for"]), peer]
    let client = hops.length - 1
    while (client > 0 && isTrusted(hops[client] ?? "") && isAddress(hops[client - 1] ?? "")) client--
    const forwardedHost = single(headers["x-forwarded-host"])
    return {
      address: hops[client] ?? peer,
      protocol: single(headers["x-forwarded-proto"]) === "https" ? "https" : "http",
      host:
        forwardedHost !== undefined && hostName.test(forwardedHost) ? forwardedHost : (headers.host ?? ""),
      // Entries in front of the client are its own claims: they end here.
      forwardedFor: hops.slice(client).join(", "),
    }
  }
}

const withPrefix = (network: string): string =>
  network.includes("/") ? network : `${network}/${network.includes(":") ? 128 : 32}`

/** A dual-stack socket shows IPv4 peers as `::ffff:1.2.3.4`. */
const unmapped = (address: string): string => (address.startsWith("::ffff:") ? address.slice(7) : address)

const isAddress = (address: string): boolean => Result.isSuccess(NetAddress.ipFromString(address))

const addressList = (header: string | Array<string> | undefined): ReadonlyArray<string> =>
  header === undefined
    ? []
    : String(header)
        .split(",")
        .map((entry) => unmapped(entry.trim()))

/** The last value of a list: the one our own proxy wrote. */
const single = (header: string | Array<string> | undefined): string | undefined =>
  header === undefined ? undefined : String(header).split(",").at(-1)?.trim()

const hostName = /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/
