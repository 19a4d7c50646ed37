import type { Decision, Reason } from "./Decision.ts"

/**
 * The answer of an engine or of a cache, if it is a whole decision in the form of `Decision`; else undefined. By hand
 * and not by a Schema, because every request pays for it.
 *
 * An obligation or a reason that this gateway does not know makes it unreadable: whoever cannot do what an allowance
 * asks for may not act on it.
 */
export const readDecision = (answer: unknown): Decision | undefined =>
  isDecision(answer) ? answer : undefined

type Fields = Readonly<Record<string, unknown>>

const isDecision = (value: unknown): value is Decision =>
  isObject(value) &&
  isTextOrNull(value["permission"]) &&
  isListOf(isText, value["required_roles"]) &&
  isCache(value["cache"]) &&
  isListOf(isReason, value["reasons"]) &&
  isObject(value["obligations"]) &&
  (value["allow"] === true
    ? value["reasons"].length === 0 && isWhatIsOwed(value["obligations"])
    : value["allow"] === false && value["reasons"].length > 0 && isEmpty(value["obligations"]))

const isCache = (value: unknown): boolean =>
  isObject(value) && isBoolean(value["allowed"]) && isNumberOrNull(value["until"])

const isWhatIsOwed = (obligations: Fields): boolean =>
  Object.keys(obligations).length === 4 &&
  (obligations["target_backend"] === "production" || obligations["target_backend"] === "sandbox") &&
  isBoolean(obligations["consume_approval"]) &&
  isBoolean(obligations["budget_override"]) &&
  isNumberOrNull(obligations["role_level"])

const isReason = (value: unknown): value is Reason => {
  if (!isObject(value)) return false
  switch (value["code"]) {
    case "malformed-input":
      return isListOf(isText, value["fields"])
    case "permission-denied":
      return isTextOrNull(value["permission"]) && isListOf(isText, value["required_roles"])
    case "trial-expired":
      return isNumber(value["expires_at"])
    case "trial-expiry-missing":
    case "trial-closed-route":
      return true
    case "approval-required":
      return isTextOrNull(value["action"]) && approvalFaults.has(value["approval"])
    default:
      return false
  }
}

const approvalFaults: ReadonlySet<unknown> = new Set([
  "missing",
  "for-another-request",
  "not-approved",
  "expired",
])

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const isEmpty = (value: Fields): boolean => Object.keys(value).length === 0
const isListOf = <A>(isItem: (item: unknown) => item is A, value: unknown): value is ReadonlyArray<A> =>
  Array.isArray(value) && value.every(isItem)
const isText = (value: unknown): value is string => typeof value === "string"
const isTextOrNull = (value: unknown): boolean => value === null || isText(value)
const isBoolean = (value: unknown): boolean => typeof value === "boolean"
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value)
const isNumberOrNull = (value: unknown): boolean => value === null || isNumber(value)
