import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { Problem } from "./Problems.ts"

/** Whether the client wants the connection to become a WebSocket (RFC 6455 4.1). */
export const asksForWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === "websocket"

/**
 * Why two HTTP parsers could read a request differently, although Node's strict one takes it (SPEC 13 "Smuggling");
 * undefined when there is one reading.
 *
 * What follows such a request on its connection may be a part of it to somebody else, so from then on everything
 * there is refused; the caller closes the connection.
 */
export const framingProblem = (message: IncomingMessage): Problem | undefined => {
  const problem = condemned.has(message.socket) ? refused.follower : ambiguityOf(message)
  if (problem !== undefined) condemned.add(message.socket)
  return problem
}

const condemned = new WeakSet<Socket>()

const ambiguityOf = ({ headers, httpVersion, rawHeaders }: IncomingMessage): Problem | undefined => {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return refused.version
  const coding = headers["transfer-encoding"]
  // RFC 9112 6.1: in HTTP/1.0 it has no meaning that both ends share.
  if (coding !== undefined && (httpVersion === "1.0" || coding.toLowerCase() !== "chunked"))
    return refused.coding
  if (headers.host === undefined) return httpVersion === "1.1" ? refused.noHost : undefined
  if (!hostForm.test(headers.host)) return refused.badHost
  return linesOf("host", rawHeaders) > 1 ? refused.hosts : undefined
}

/** `uri-host [ ":" port ]` (RFC 9110 7.2), as far as names in use go. */
const hostForm = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** How often a header of this lower-case name stands in a raw list. Node's own `headers` keeps the first host only. */
const linesOf = (name: string, rawHeaders: ReadonlyArray<string>): number => {
  let lines = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === name.length && rawHeaders[i]?.toLowerCase() === name) lines++
  }
  return lines
}

const refuse = (detail: string) => new Problem({ slug: "bad-request", detail })

// One object a reason: a scanner's million requests cost no stack trace each.
const refused = {
  follower: refuse("The connection carried an ambiguous request before; open a new one."),
  version: refuse("The gateway speaks HTTP/1.1."),
  coding: refuse("The only transfer coding served is chunked, once, in HTTP/1.1."),
  noHost: refuse("The request has no Host header."),
  badHost: refuse("The Host header is not a host name or address, with or without a port."),
  hosts: refuse("The request has more than one Host header."),
}
