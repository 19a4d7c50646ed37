import { Data, Effect } from "effect"
import { HttpServerRespondable, HttpServerResponse } from "effect/http"

/** One kind of failure, as RFC 9457 wants it: a stable type, a title and a status. */
export interface ProblemType {
  readonly status: number
  readonly title: string
  /** What it means and what the caller can do, for the published catalogue. */
  readonly about: string
}

/** Every failure the gateway can answer with, by slug (SPEC 10). Published at `/_gateway/problems`. */
export const catalogue = {
  "bad-request": {
    status: 400,
    title: "Bad Request",
    about: "The request is malformed or ambiguous. Send it as the detail says.",
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    about: "No access token was sent. Sign in and send it as `Authorization: Bearer <token>`.",
  },
  "invalid-token-format": {
    status: 401,
    title: "Invalid Token Format",
    about: "The Authorization header is not one Bearer token in JWT form.",
  },
  "token-expired": {
    status: 401,
    title: "Token Expired",
    about: "The access token has expired. Refresh it and repeat the request.",
  },
  "invalid-token": {
    status: 401,
    title: "Invalid Token",
    about: "The access token was not issued for this portal, or its signature or claims are wrong.",
  },
  "token-revoked": {
    status: 401,
    title: "Token Revoked",
    about: "The access token was revoked. Sign in again.",
  },
  "token-version-mismatch": {
    status: 401,
    title: "Token Version Mismatch",
    about: "The user's tokens were renewed since this one was issued. Sign in again.",
  },
  "budget-exceeded": {
    status: 402,
    title: "Budget Exceeded",
    about: "The request would pass a spending cap. Wait for the reset or ask for a higher cap.",
  },
  "permission-denied": {
    status: 403,
    title: "Permission Denied",
    about: "The caller's roles do not grant the permission that this route needs.",
  },
  "approval-required": {
    status: 403,
    title: "Approval Required",
    about: "A Governor has to approve this act first; repeat the request with the approval.",
  },
  "trial-expired": { status: 403, title: "Trial Expired", about: "The trial has ended. Upgrade to go on." },
  "trial-suspended": {
    status: 403,
    title: "Trial Suspended",
    about: "Trials are suspended while the platform is at its cost cap.",
  },
  "not-found": { status: 404, title: "Not Found", about: "No such route. Paths are matched exactly." },
  "method-not-allowed": {
    status: 405,
    title: "Method Not Allowed",
    about: "The path exists with other methods; see the Allow header.",
  },
  "request-timeout": {
    status: 408,
    title: "Request Timeout",
    about: "The request was not sent within the time allowed.",
  },
  conflict: {
    status: 409,
    title: "Conflict",
    about: "The request contradicts the present state. Read it again and repeat.",
  },
  "payload-too-large": {
    status: 413,
    title: "Payload Too Large",
    about: "The body is larger than the limit.",
  },
  "uri-too-long": {
    status: 414,
    title: "URI Too Long",
    about: "The request target is longer than the limit.",
  },
  "expectation-failed": {
    status: 417,
    title: "Expectation Failed",
    about: "The only expectation served is `100-continue`.",
  },
  "upgrade-required": {
    status: 426,
    title: "Upgrade Required",
    about: "This route is a WebSocket; connect with an upgrade.",
  },
  "too-many-requests": {
    status: 429,
    title: "Too Many Requests",
    about: "A rate limit was reached. Wait as long as Retry-After says.",
  },
  "trial-limit-exceeded": {
    status: 429,
    title: "Trial Limit Exceeded",
    about: "The trial's tasks for today are used up.",
  },
  "websocket-limit": {
    status: 429,
    title: "WebSocket Limit",
    about: "The customer has as many open sockets as it may.",
  },
  "header-fields-too-large": {
    status: 431,
    title: "Request Header Fields Too Large",
    about: "The headers are larger than the limit.",
  },
  "client-closed-request": {
    status: 499,
    title: "Client Closed Request",
    about: "The client went away before the answer; seen in logs only.",
  },
  "internal-server-error": {
    status: 500,
    title: "Internal Server Error",
    about: "The gateway failed. Quote the correlation id when you report it.",
  },
  "bad-gateway": {
    status: 502,
    title: "Bad Gateway",
    about: "The backend could not be reached or broke off.",
  },
  "service-unavailable": {
    status: 503,
    title: "Service Unavailable",
    about: "A service this request depends on is away. Retry after a while.",
  },
  "gateway-timeout": { status: 504, title: "Gateway Timeout", about: "The backend did not answer in time." },
} as const satisfies Record<string, ProblemType>

export type Slug = keyof typeof catalogue

/** The base of all type URIs (SPEC 10). */
export const typeBase = "https://waooaw.com/errors/"

/** What every failure carries: a sentence for the caller, and headers the answer must have. */
export interface ProblemFields {
  /** One clear sentence, safe to show to anyone. */
  readonly detail: string
  /** Headers that belong to this answer, such as `Retry-After`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>
  /** RFC 9457 extension members. */
  readonly extensions?: Readonly<Record<string, unknown>>
  /** What went wrong inside; logged, and shown only in development. */
  readonly cause?: unknown
}

/**
 * A failure that has a problem document. Stages fail with one; `Errors` alone turns it into HTTP.
 *
 * @example `new Problem({ slug: "not-found", detail: "No such route." })`
 */
export class Problem extends Data.TaggedError("Problem")<{ readonly slug: Slug } & ProblemFields> {
  override get message(): string {
    return `${this.slug}: ${this.detail}`
  }
  get status(): number {
    return catalogue[this.slug].status
  }
  /** What is answered where no stage writes the document: the bare status. */
  [HttpServerRespondable.symbol]() {
    return Effect.succeed(HttpServerResponse.empty({ status: this.status, headers: this.headers }))
  }
}

/** A problem written out, for whoever writes to the socket. */
export interface ProblemDocument {
  readonly body: string
  readonly contentType: "application/problem+json" | "application/json"
  readonly headers: Readonly<Record<string, string>>
}

/** Longest `instance` echoed to a client, in characters. */
const instanceLimit = 2048

/**
 * Writes a problem as RFC 9457 wants it. The two portals' clients ask for `application/json` alone and get
 * that; everyone else gets `application/problem+json` (SPEC 10).
 */
export const problemDocument = (
  problem: Problem,
  options: {
    readonly accept: string | undefined
    /** The path, without query: a query may hold secrets. */
    readonly instance: string
    readonly correlationId: string
    /** Development only. */
    readonly revealCause: boolean
  },
): ProblemDocument => {
  const { status, title } = catalogue[problem.slug]
  const body = JSON.stringify({
    ...problem.extensions,
    type: typeBase + problem.slug,
    title,
    status,
    detail: problem.detail,
    instance: options.instance.slice(0, instanceLimit),
    correlation_id: options.correlationId,
    ...(options.revealCause && problem.cause !== undefined ? { cause: String(problem.cause) } : {}),
  })
  return {
    body,
    contentType: acceptsOnlyJson(options.accept) ? "application/json" : "application/problem+json",
    headers: {
      ...problem.headers,
      "x-error-code": problem.slug.toUpperCase().replaceAll("-", "_"),
      "cache-control": "no-store",
    },
  }
}

const acceptsOnlyJson = (accept: string | undefined): boolean =>
  accept !== undefined &&
  accept.split(",").every((range) => range.split(";")[0]?.trim() === "application/json")
