import { Problem } from "./Problems.ts"

/** A request target that has one reading. */
export interface Target {
  /** Absolute path in normal form; no empty segment, no dot segment. `/` alone is the root. */
  readonly path: string
  /** The query with its `?`, byte for byte, or empty. */
  readonly search: string
}

/**
 * The one reading of a request target, or why there is none (SPEC 2 "Canonical path").
 *
 * `rawUrl` is the target as it was on the request line, one character a byte, at most `maxBytes` long, else
 * 414 `uri-too-long`. The path becomes the normal form of RFC 3986 6.2.2: escapes of unreserved characters are
 * decoded, the others are in upper case; doing it again changes nothing. The query is only checked.
 *
 * Refused with 400 `bad-request`, because two servers could read it differently: anything but origin-form
 * (RFC 9112 3.2.1); a character that RFC 3986 does not allow where it stands (RFC 9112 3.2 forbids to correct
 * it); slash, backslash and control characters in escapes; a dot segment in any spelling, with path parameters
 * or not; an empty segment, so also `//` and a slash at the end; an escape that is malformed, no UTF-8, or the
 * escape of an escape.
 */
export const canonicalTarget = (rawUrl: string, maxBytes: number): Target | Problem => {
  if (rawUrl.length > maxBytes) return tooLong(maxBytes)
  if (rawUrl.charCodeAt(0) !== SLASH) return refused.form

  let escaped = false
  let start = 1
  let end = 1
  for (; end < rawUrl.length; end++) {
    const kind = kindOf(rawUrl.charCodeAt(end))
    if (kind === PLAIN) continue
    if (kind === QUERY_MARK) break
    if (kind === SEPARATOR) {
      if (end === start) return refused.emptySegment
      if (!escaped && isDotSegment(rawUrl, start, end)) return refused.dotSegment
      start = end + 1
    } else if (kind === ESCAPE) escaped = true
    else return refusalOf(rawUrl.charCodeAt(end))
  }
  if (end === start && end !== 1) return refused.emptySegment
  if (!escaped && isDotSegment(rawUrl, start, end)) return refused.dotSegment
  for (let index = end + 1; index < rawUrl.length; index++) {
    const code = rawUrl.charCodeAt(index)
    if (code <= SPACE || code >= DELETE || code === HASH) return refusalOf(code)
  }

  const path = rawUrl.slice(0, end)
  const search = rawUrl.slice(end)
  if (!escaped) return { path, search }
  const normal = normalised(path)
  return normal instanceof Problem ? normal : { path: normal, search }
}

const SPACE = 0x20
const HASH = 0x23
const PERCENT = 0x25
const DOT = 0x2e
const SLASH = 0x2f
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c
const DELETE = 0x7f

const FORBIDDEN = 0
const PLAIN = 1
const SEPARATOR = 2
const ESCAPE = 3
const QUERY_MARK = 4

const unreserved = /[A-Za-z0-9._~-]/

/** What each byte is in a path: `pchar` of RFC 3986 3.3 and what ends or starts something. */
const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (unreserved.test(character) || "!$&'()*+,;=:@".includes(character)) return PLAIN
  return { "/": SEPARATOR, "%": ESCAPE, "?": QUERY_MARK }[character] ?? FORBIDDEN
})
const kindOf = (code: number): number => kinds[code] ?? FORBIDDEN

/**
 * One dot or two, and then the end, a path parameter, or any escape: servers that cut parameters off before they
 * resolve dots (`..;x`), and those that decode first, see a dot segment there.
 */
const isDotSegment = (text: string, start: number, end: number): boolean => {
  if (text.charCodeAt(start) !== DOT) return false
  const next = text.charCodeAt(start + 1) === DOT && start + 1 < end ? start + 2 : start + 1
  if (next >= end) return true
  const code = text.charCodeAt(next)
  return code === SEMICOLON || code === PERCENT
}

/** The path with its escapes in normal form; its dot segments are looked for here, once they can be seen. */
const normalised = (path: string): string | Problem => {
  let normal = ""
  let copied = 0
  let beyondAscii = false
  for (let at = path.indexOf("%"); at !== -1; at = path.indexOf("%", copied)) {
    const byte = byteOf(path, at + 1)
    if (byte === -1) return refused.malformedEscape
    if (byte < SPACE || byte === DELETE) return refused.control
    if (byte === SLASH) return refused.encodedSlash
    if (byte === BACKSLASH) return refused.backslash
    if (byte > DELETE) beyondAscii = true
    const character = String.fromCharCode(byte)
    const spelling =
      byte < DELETE && unreserved.test(character) ? character : path.slice(at, at + 3).toUpperCase()
    normal += path.slice(copied, at) + spelling
    copied = at + 3
  }
  normal += path.slice(copied)
  // Only now can be seen what decoding put together: `%25%32e` has become `%252e`.
  for (let at = normal.indexOf("%25"); at !== -1; at = normal.indexOf("%25", at + 3)) {
    if (byteOf(normal, at + 3) !== -1) return refused.doubleEscape
  }
  for (let start = 1; start !== 0; start = normal.indexOf("/", start) + 1) {
    const slash = normal.indexOf("/", start)
    if (isDotSegment(normal, start, slash === -1 ? normal.length : slash)) return refused.dotSegment
  }
  return beyondAscii && !isUtf8(normal) ? refused.notUtf8 : normal
}

/** The value of two hexadecimal digits, or -1. */
const byteOf = (text: string, at: number): number => {
  const high = digitOf(text.charCodeAt(at))
  const low = digitOf(text.charCodeAt(at + 1))
  return high === -1 || low === -1 ? -1 : high * 16 + low
}
const digitOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const isUtf8 = (escapes: string): boolean => {
  try {
    decodeURIComponent(escapes)
    return true
  } catch {
    return false
  }
}

const refuse = (detail: string) => new Problem({ slug: "bad-request", detail })

// One object a reason: a scanner's million bad targets cost no stack trace each.
const refused = {
  form: refuse("The request target must be an absolute path: it starts with one slash and names no host."),
  emptySegment: refuse("The path has an empty segment: no double slash and no slash at the end."),
  dotSegment: refuse("The path has a dot segment; send the path that it stands for."),
  encodedSlash: refuse("The path has an encoded slash."),
  backslash: refuse("The path has a backslash."),
  control: refuse("The request target has a control character."),
  notAscii: refuse("The request target has a character outside ASCII; percent-encode it."),
  fragment: refuse("The request target has a fragment; keep it in the client."),
  character: refuse("The request target has a character that must be percent-encoded."),
  malformedEscape: refuse("The path has a percent sign that is not followed by two hexadecimal digits."),
  doubleEscape: refuse("The path is percent-encoded twice."),
  notUtf8: refuse("The path has escapes that are not UTF-8."),
}

const refusalOf = (code: number): Problem => {
  if (code < SPACE || code === DELETE) return refused.control
  if (code > DELETE) return refused.notAscii
  if (code === HASH) return refused.fragment
  return code === BACKSLASH ? refused.backslash : refused.character
}

const tooLong = (maxBytes: number): Problem =>
  new Problem({ slug: "uri-too-long", detail: `The request target is longer than ${maxBytes} bytes.` })
