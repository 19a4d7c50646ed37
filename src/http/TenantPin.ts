import { Problem } from "./Problems.ts"
import { canonicalTarget } from "./Target.ts"

/**
 * Overwrites `customer_id` in a query with the token's customer (SPEC 13). `search` has its `?` or is empty.
 *
 * Every parameter of that name goes, also with percent-escapes in the name, with brackets, behind a second `?`, or
 * behind a `;` that some servers take for `&`; one is set at the end. All other bytes stay, in order. `bad-request` when the customer
 * cannot be written in a URL.
 */
export const pinQuery = (search: string, customerId: string): string | Problem => {
  const value = escaped(customerId)
  if (value instanceof Problem) return value
  let kept: string | undefined
  let separator = ""
  for (const part of search.slice(1).split(/([&;])/)) {
    // Around a parameter that goes, `&` outlasts `;`: only it parts parameters for every server.
    if (part === "&" || part === ";") separator = separator === "&" ? "&" : part
    else if (!namesCustomer(part)) {
      kept = kept === undefined ? part : kept + separator + part
      separator = ""
    }
  }
  return kept === undefined || kept === "" ? `?customer_id=${value}` : `?${kept}&customer_id=${value}`
}

/**
 * Overwrites a segment of a canonical path: the one that the template calls `{param}`. `bad-request` when the
 * customer is no path segment, such as `..` or one with a slash: the upstream only ever sees canonical paths.
 */
export const pinPath = (
  path: string,
  template: string,
  param: string,
  customerId: string,
): string | Problem => {
  const segments = path.split("/")
  const index = template.split("/").indexOf(`{${param}}`)
  const value = escaped(customerId)
  if (value instanceof Problem) return value
  // A pin that names no segment would leave the client's customer in place.
  if (index === -1 || index >= segments.length) throw new Error(`${template} has no {${param}}`)
  segments[index] = value
  const pinned = segments.join("/")
  const target = canonicalTarget(pinned, pinned.length)
  return target instanceof Problem || target.path !== pinned ? unwritable : pinned
}

/**
 * Overwrites the top-level member `customer_id` of a JSON object, however often and however spelled it is there, and
 * returns the new body as UTF-8. All other members stay byte for byte, in order; so no number loses precision.
 *
 * `bad-request` when the body is no JSON object in UTF-8, or `contentType` does not say that it is one: a body that
 * the upstream reads in another way would not be pinned for it.
 */
export const pinBody = (
  bytes: Uint8Array,
  contentType: string | undefined,
  customerId: string,
): Uint8Array | Problem => {
  if (contentType === undefined || !jsonInUtf8.test(contentType)) return notJson
  const text = objectText(bytes)
  if (text === undefined) return notAnObject
  const kept = membersOf(text).filter((member) => keyOf(member) !== "customer_id")
  kept.push(`"customer_id":${JSON.stringify(customerId)}`)
  return new TextEncoder().encode(`{${kept.join(",")}}`)
}

const jsonInUtf8 = /^application\/(?:json|[\w.+-]+\+json)[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i

/** The text of a JSON object, or undefined when the bytes are not one, or not UTF-8. */
const objectText = (bytes: Uint8Array): string | undefined => {
  try {
    // A byte order mark is left in, and refused by JSON (RFC 8259 8.1).
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    return value instanceof Object && !Array.isArray(value) ? text : undefined
  } catch {
    return undefined
  }
}

/**
 * The top-level members of a valid JSON object, as they are written. The parsed value would not do: it has lost the
 * spelling of numbers, and in Node 24 may have keys that nobody sent (nodejs/node#63785).
 */
const membersOf = (text: string): Array<string> => {
  const members: Array<string> = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '"') at = stringEnd(text, at)
    else if (character === "{" || character === "[") {
      depth += 1
      if (depth === 1) start = at + 1
    } else if (character === "}" || character === "]" || (character === "," && depth === 1)) {
      if (depth === 1) members.push(text.slice(start, at))
      if (character === ",") start = at + 1
      else depth -= 1
    }
  }
  return members.filter((member) => member.trim() !== "")
}

/** The index of the quote that ends the string which starts at `start`. */
const stringEnd = (text: string, start: number): number => {
  let at = start + 1
  while (text.charAt(at) !== '"') at += text.charAt(at) === "\\" ? 2 : 1
  return at
}

const keyOf = (member: string): unknown => {
  const start = member.indexOf('"')
  return JSON.parse(member.slice(start, stringEnd(member, start) + 1))
}

const namesCustomer = (parameter: string): boolean => {
  const name = parameter
    .split("=", 1)
    .join()
    .replace(/%[0-9a-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)))
  const bare = name.startsWith("?") ? name.slice(1) : name
  return bare === "customer_id" || bare.startsWith("customer_id[")
}

/** As a path segment or query value; a customer with half a surrogate pair has no UTF-8 form. */
const escaped = (customerId: string): string | Problem =>
  customerId.isWellFormed() ? encodeURIComponent(customerId) : unwritable

const refuse = (detail: string) => new Problem({ slug: "bad-request", detail })

const unwritable = refuse("The customer in the token cannot be written in the URL of this route.")
const notJson = refuse(
  "This route takes a JSON object: send it in UTF-8, with Content-Type application/json.",
)
const notAnObject = refuse("The body of this route must be one JSON object in UTF-8.")
