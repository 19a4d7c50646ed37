import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Cause, Effect, Redacted, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { adminApi } from "../admin/AdminApi.ts"
import type { AdminTarget } from "./AdminTarget.ts"
import { refuse } from "./Refusal.ts"
import { printable } from "./Table.ts"

const makeClient = Effect.fnUntraced(function* ({ url, token }: AdminTarget) {
  const client = yield* HttpClient.HttpClient
  return yield* HttpApiClient.makeWith(adminApi, {
    baseUrl: url,
    httpClient: client.pipe(
      HttpClient.mapRequest(HttpClientRequest.bearerToken(Redacted.value(token))),
      HttpClient.filterStatusOk,
    ),
  })
})

/** The admin API of a running gateway, typed as it declares itself. */
export type AdminClient = Effect.Success<ReturnType<typeof makeClient>>

/**
 * Asks it, or says on standard error why there is no answer and ends with exit code 1. The client follows no redirect:
 * the token is for this gateway alone.
 */
export const ask = <A, E>(target: AdminTarget, question: (client: AdminClient) => Effect.Effect<A, E>) =>
  makeClient(target).pipe(
    Effect.flatMap(question),
    Effect.timeout(patience),
    Effect.catch((error) => Effect.flatMap(whyNot(error, target), (why) => refuse(printable(why), 1))),
    Effect.provide(NodeHttpClient.layerNodeHttp),
  )

/** Longer than any answer takes; the longest is the first of an embedded PostgreSQL. */
const patience = "40 seconds"

const whyNot = Effect.fnUntraced(function* (error: unknown, { url }: AdminTarget) {
  if (Schema.isSchemaError(error))
    return `What was asked of ${url}, or its answer, does not fit the admin API: ${error.message}`
  if (Cause.isTimeoutError(error)) return `${url} did not answer within ${patience}.`
  const reason = HttpClientError.isHttpClientError(error) ? error.reason : undefined
  if (reason?._tag === "TransportError") return `${url} cannot be reached: ${codeOf(reason.cause)}.`
  if (reason?._tag !== "StatusCodeError") return `${url} did not answer as a gateway does: ${String(error)}`
  return yield* Effect.match(Effect.flatMap(reason.response.json, decodeProblem), {
    onSuccess: ({ title, detail }) => `${title}: ${detail}`,
    onFailure: () => `${url} did not answer as a gateway does: its status was ${reason.response.status}.`,
  })
})

const decodeProblem = Schema.decodeUnknownEffect(
  Schema.Struct({ title: Schema.String, detail: Schema.String }),
)

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
