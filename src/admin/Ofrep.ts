import { Clock, Effect, type Layer } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { createHash } from "node:crypto"
import { FeatureFlags } from "../flags/FeatureFlags.ts"
import { Problem } from "../http/Problems.ts"
import { type Evaluation, flags, type Known } from "./OfrepFlags.ts"
import { problemResponse } from "./ProblemResponse.ts"
import { Refusal, targetingKeyOf } from "./OfrepRequest.ts"

/**
 * `POST /ofrep/v1/evaluate/flags/{key}` and `POST /ofrep/v1/evaluate/flags`: the OpenFeature Remote Evaluation Protocol
 * 0.3, so that any OpenFeature SDK reads a customer's flags as this instance knows them (SPEC 11). The `targetingKey` is
 * the customer's id. Failures are problem documents that have OFREP's members too (docs/decisions/0020).
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { routeOf, status } = yield* FeatureFlags

    const knownOf = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
      const route = routeOf(yield* targetingKeyOf(request))
      return route === undefined
        ? yield* unknown
        : ({ route, status: status(), now: yield* Clock.currentTimeMillis } satisfies Known)
    })

    const one = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, key: string) {
      const evaluate = flags.get(key)
      if (evaluate === undefined) return yield* noSuchFlag
      return answer(evaluate(yield* knownOf(request)))
    })

    const all = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
      const known = yield* knownOf(request)
      const evaluations = Array.from(flags.values(), (evaluate) => evaluate(known))
      const etag = tagOf(evaluations)
      return isKnown(etag, request.headers["if-none-match"])
        ? HttpServerResponse.empty({ status: 304, headers: { ...notStored, etag } })
        : answer({ flags: evaluations }, { etag })
    })

    yield* router.add("*", "/ofrep/v1/evaluate/flags/*", (request) =>
      Effect.gen(function* () {
        const key = (yield* HttpRouter.params)["*"]
        const evaluated =
          request.method !== "POST"
            ? Effect.fail(notPosted)
            : key === undefined
              ? all(request)
              : one(request, key)
        return yield* evaluated.pipe(Effect.catchTag("Refusal", (refusal) => refused(refusal, request, key)))
      }),
    )
  }),
) satisfies Layer.Layer<never, never, HttpRouter.HttpRouter | FeatureFlags>

/** What is true now is no copy's to tell; who evaluates in bulk keeps the tag itself. */
const notStored = { "cache-control": "no-store" }

const answer = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.jsonUnsafe(body, { headers: { ...notStored, ...headers } })

/** Weak, because it says nothing of the age: else no two answers would have the same. */
const tagOf = (evaluations: ReadonlyArray<Evaluation>): string => {
  const said = JSON.stringify(evaluations, (name, value) => (name === "age_seconds" ? undefined : value))
  return `W/"${createHash("sha256").update(said).digest("base64url")}"`
}

/** Compared weakly (RFC 9110 13.1.2). */
const isKnown = (etag: string, ifNoneMatch = ""): boolean =>
  ifNoneMatch.split(",").some((known) => opaque(known.trim()) === opaque(etag))
const opaque = (etag: string): string => etag.replace(/^W\//, "")

const notPosted = new Refusal({
  slug: "method-not-allowed",
  errorCode: "GENERAL",
  detail: "Flags are evaluated with POST.",
  headers: { allow: "POST" },
})

const noSuchFlag = new Refusal({
  slug: "not-found",
  errorCode: "FLAG_NOT_FOUND",
  detail: `There is no such flag. There are ${[...flags.keys()].join(", ")}.`,
})

/** 500 and not 503: the protocol has no other 5xx, and its clients pass on what none but that one says. */
const unknown = new Refusal({
  slug: "internal-server-error",
  errorCode: "GENERAL",
  detail: "The flags are not known yet: the database has not answered since the start, and none are kept.",
})

const refused = (
  { slug, errorCode, detail, headers }: Refusal,
  request: HttpServerRequest.HttpServerRequest,
  key: string | undefined,
) =>
  problemResponse(
    new Problem({
      slug,
      detail,
      extensions: { ...(key === undefined ? {} : { key }), errorCode, errorDetails: detail },
      ...(headers === undefined ? {} : { headers }),
    }),
    request,
  )
