/**
 * Which headers cross the gateway. Names are judged in any case, and with `_` read as `-`, because servers that
 * follow CGI (RFC 3875 4.1.18) cannot tell `X_User_Id` from `X-User-Id`.
 */

/** Hop-by-hop (RFC 9110 7.6.1) and framing headers: each hop has its own. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
]

/** What only the gateway may say about a caller (SPEC 13): a client's copy is a forgery, an upstream's a leak. */
const identity = ["x-customer-id", "x-trial-mode", "x-original-authorization", "x-target-backend"]
const identityPrefixes = ["x-user-", "x-gateway", "x-metering-"]

/** Written anew by this hop. */
const perHop = [
  "host",
  "expect",
  "x-correlation-id",
  "x-causation-id",
  "x-request-id",
  "traceparent",
  "forwarded",
  "x-real-ip",
]
const forwardedPrefix = "x-forwarded-"

/**
 * What makes some servers act on another method or path than the one every stage has judged, or, as `Proxy`, sends
 * their own requests elsewhere (CVE-2016-5385).
 */
const rerouting = [
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
  "proxy",
]

/** Names longer than this, in characters, are judged anew each time. */
const longestRemembered = 64

/** A cheap memory of verdicts on names; bounded, because a client may invent names without end. */
const remembering = (judge: (name: string) => boolean) => {
  const verdicts = new Map<string, boolean>()
  return (name: string): boolean => {
    const known = verdicts.get(name)
    if (known !== undefined) return known
    const verdict = judge(name.toLowerCase().replaceAll("_", "-"))
    if (verdicts.size < 1024 && name.length <= longestRemembered) verdicts.set(name, verdict)
    return verdict
  }
}

const isIdentity = (name: string): boolean =>
  identity.includes(name) || identityPrefixes.some((prefix) => name.startsWith(prefix))

const notToUpstream = new Set([...hopByHop, ...perHop, ...rerouting, "trailer"])
/** Whether a client's header of this name may go upstream. */
export const passesUpstream = remembering(
  (name) => !notToUpstream.has(name) && !name.startsWith(forwardedPrefix) && !isIdentity(name),
)

const notToClient = new Set([
  ...hopByHop,
  "x-correlation-id",
  "x-causation-id",
  "x-request-id",
  "traceparent",
])
/** Whether an upstream's header of this name may reach the client. CORS is the gateway's alone. */
export const passesToClient = remembering(
  (name) => !notToClient.has(name) && !isIdentity(name) && !name.startsWith("access-control-"),
)

/** The names that a `Connection` header adds to the hop-by-hop ones, in lower case; undefined when none. */
export const listedByConnection = (connection: string | undefined): ReadonlySet<string> | undefined => {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined
  const names = connection.split(",").map((name) => name.trim().toLowerCase())
  return new Set(names)
}

/**
 * Copies the passing headers of a raw list (`[name, value, name, value, ...]`) in their order, spelling and number. Node
 * gives text; undici gives bytes, in Latin-1 (RFC 9110 5.5).
 */
export const copyPassing = (
  raw: ReadonlyArray<string | Buffer>,
  passes: (name: string) => boolean,
  listed: ReadonlySet<string> | undefined,
): Array<string> => {
  const kept: Array<string> = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    // In bounds by the loop's condition; a raw list has an even length.
    const name = text(raw[i] as string | Buffer)
    if (!passes(name)) continue
    if (listed !== undefined && listed.has(name.toLowerCase())) continue
    kept.push(name, text(raw[i + 1] as string | Buffer))
  }
  return kept
}

const text = (part: string | Buffer): string => (typeof part === "string" ? part : part.toString("latin1"))
