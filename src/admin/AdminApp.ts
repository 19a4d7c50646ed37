import { ByteSize, Effect, SchemaIssue, Stream } from "effect"
import {
  HttpBody,
  HttpClientRequest,
  type HttpMethod,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse,
} from "effect/http"
import { HttpApiError } from "effect/http-api"
import { ConstitutionalContext } from "../auth/ConstitutionalContext.ts"
import { Exchange } from "../http/Exchange.ts"
import { Problem } from "../http/Problems.ts"
import { RequestIds } from "../http/RequestIds.ts"
import type { Response } from "../http/Stage.ts"
import { layer } from "./AdminApi.ts"
import { Called } from "./Staff.ts"

/**
 * The admin API as one application that fails with problems only, for `Errors` to write (SPEC 10).
 *
 * The library answers failures of a handler itself. So handlers die of their problems, which it lets pass, and they
 * are failures again from here on; what the library has to say of a request becomes a problem here too.
 */
export const makeAdminApp = HttpRouter.toHttpEffect(layer).pipe(
  // Paths are matched exactly, as everywhere (SPEC 2).
  Effect.provideService(HttpRouter.RouterConfig, { caseSensitive: true }),
  Effect.map((router) =>
    Effect.gen(function* () {
      const exchange = yield* Exchange
      const { correlationId } = yield* RequestIds
      const { method, path } = exchange
      const identity = ConstitutionalContext.in(exchange)
      return yield* router.pipe(
        Effect.provideService(Called, { identity, correlationId, method, path }),
        Effect.provideService(HttpServerRequest.HttpServerRequest, yield* withItsBody),
      )
    }).pipe(
      Effect.catchDefect((defect) => {
        const problem = problemOf(defect)
        return problem === undefined ? Effect.die(defect) : Effect.fail(problem)
      }),
      Effect.catchTag("HttpServerError", (cause) =>
        Effect.fail(new Problem({ slug: "not-found", detail: "The admin API has no such route.", cause })),
      ),
      Effect.flatMap(asAnswer),
    ),
  ),
)

/** The longest reason, each of its characters escaped, and room to spare. */
const bodyLimit = ByteSize.kibibytes(16)

/** The request with its body read, because the library would read one of any length. */
const withItsBody = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const body = yield* request.stream.pipe(
    Stream.mapError((cause) => badRequest("The body could not be read.", cause)),
    Stream.limitBytes(bodyLimit, () => Stream.fail(tooLarge)),
    Stream.mkUint8Array,
  )
  const { method, url, headers } = request
  return HttpServerRequest.fromClientRequest(
    // Any method there is: a route only compares it.
    HttpClientRequest.make(method as HttpMethod.HttpMethod)(url, {
      headers,
      ...(body.length === 0 ? {} : { body: HttpBody.uint8Array(body, headers["content-type"]) }),
    }),
  )
})

/** What an operator reads is true now, and never a copy. */
const asAnswer = (response: Response): Effect.Effect<Response, Problem> =>
  response.status === 415
    ? Effect.fail(badRequest("The body has to be JSON, with the content type application/json."))
    : Effect.succeed(HttpServerResponse.setHeader(response, "cache-control", "no-store"))

const badRequest = (detail: string, cause?: unknown): Problem =>
  new Problem({ slug: "bad-request", detail, cause })

const tooLarge = new Problem({ slug: "payload-too-large", detail: "The body may have 16 KiB." })

const problemOf = (defect: unknown): Problem | undefined =>
  defect instanceof Problem
    ? defect
    : HttpApiError.HttpApiSchemaError.is(defect) && defect.kind in slots
      ? badRequest(detailOf(defect))
      : undefined

/** What a request is decoded from, as its sender calls it. */
const slots: Readonly<Record<string, string>> = { Params: "path", Query: "query", Payload: "body" }

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** One sentence that names what is wrong, such as `In the body: minutes: expected a value between 1 and 1440.` */
const detailOf = ({ kind, cause }: HttpApiError.HttpApiSchemaError): string => {
  const faults = issuesOf(cause.issue).issues.map(({ path = [], message }) =>
    [...path.map(String), message.replace(/^[A-Z]/, (letter) => letter.toLowerCase())].join(": "),
  )
  // A caller can send any number of members that nobody asked for.
  return `In the ${slots[kind]}: ${faults.slice(0, 5).join("; ")}.`.slice(0, 1000)
}
