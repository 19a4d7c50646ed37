import { ByteSize, Data, Effect, Stream } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { Slug } from "../http/Problems.ts"

/** Why there is no evaluation, as a problem and in the words of OFREP. */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly slug: Slug
  readonly errorCode:
    | "PARSE_ERROR"
    | "TARGETING_KEY_MISSING"
    | "INVALID_CONTEXT"
    | "FLAG_NOT_FOUND"
    | "GENERAL"
  /** One sentence for whoever asked. */
  readonly detail: string
  readonly headers?: Readonly<Record<string, string>>
}> {}

/** An application may send all it knows of a customer; only the id is read. */
const bodyLimit = ByteSize.kibibytes(64)

/** The `context.targetingKey` of an evaluation request: the customer's id, not empty. */
export const targetingKeyOf = (
  request: HttpServerRequest.HttpServerRequest,
): Effect.Effect<string, Refusal> =>
  mediaType.test(request.headers["content-type"] ?? "")
    ? request.stream.pipe(
        Stream.mapError(() => unparsed("The body could not be read.")),
        Stream.limitBytes(bodyLimit, () => Stream.fail(tooLarge)),
        Stream.mkUint8Array,
        Effect.flatMap((body) => {
          const key = read(body)
          return key instanceof Refusal ? Effect.fail(key) : Effect.succeed(key)
        }),
      )
    : Effect.fail(unparsed("The body has to be JSON, with the content type application/json."))

const mediaType = /^application\/json\s*(;|$)/i

const read = (body: Uint8Array): string | Refusal => {
  const request = parse(body)
  if (request === undefined) return unparsed("The body is no JSON in UTF-8.")
  if (!isObject(request)) return unparsed("The body is no JSON object.")
  const { context } = request
  if (context === undefined) return withoutKey
  if (!isObject(context)) return invalid("The context is no JSON object.")
  const { targetingKey } = context
  if (targetingKey === undefined || targetingKey === null || targetingKey === "") return withoutKey
  if (typeof targetingKey !== "string") return invalid("The targetingKey is no string.")
  return targetingKey
}

const utf8 = new TextDecoder("utf-8", { fatal: true })
const parse = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8.decode(body))
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const badRequest = (errorCode: Refusal["errorCode"]) => (detail: string) =>
  new Refusal({ slug: "bad-request", errorCode, detail })
const unparsed = badRequest("PARSE_ERROR")
const invalid = badRequest("INVALID_CONTEXT")
const withoutKey = badRequest("TARGETING_KEY_MISSING")(
  "The context has no targetingKey; it has to be the customer's id.",
)
const tooLarge = new Refusal({
  slug: "payload-too-large",
  errorCode: "GENERAL",
  detail: "The body may have 64 KiB.",
})
