import { Array as Arr, Schema } from "effect"
import {
  HttpApi,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi,
} from "effect/http-api"
import { routesOf, type Route } from "../http/Routes.ts"
import type { PortalId } from "../portals/Portal.ts"
import { problemSchemas } from "./ProblemSchemas.ts"
import { factsOf, type RouteFacts } from "./RouteFacts.ts"

/** What a document says of itself, beside its routes. */
export interface About {
  readonly title: string
  readonly description: string
  readonly servers: ReadonlyArray<OpenApi.OpenAPISpecServer>
}

/**
 * The route table of a portal as a declaration, for the library to write OpenAPI and its page from. Nothing is
 * served from it: the pipeline and the backend do that, so bodies are left open here.
 */
export const portalApi = (portal: PortalId | undefined, about: About) => {
  const operations = routesOf(portal).map((route) => ({ route, facts: factsOf(route, portal) }))
  const groups = Object.entries(Arr.groupBy(operations, ({ facts }) => facts.tag)).map(([tag, members]) =>
    HttpApiGroup.make(tag, { topLevel: true }).add(...Arr.map(members, endpointOf)),
  )
  return (
    HttpApi.make(`gateway-${portal ?? "portalless"}`)
      // Never empty: the table has health routes for every portal and for none.
      .add(...(groups as Arr.NonEmptyArray<(typeof groups)[number]>))
      // The version that the paths name.
      .annotateMerge(OpenApi.annotations({ ...about, version: "1" }))
  )
}

class Bearer extends HttpApiMiddleware.Service<Bearer>()("gateway/admin/PortalApi/Bearer", {
  security: {
    bearer: HttpApiSecurity.bearer.pipe(
      HttpApiSecurity.annotateMerge(
        OpenApi.annotations({
          format: "JWT",
          description: "An access token that was issued for this portal.",
        }),
      ),
    ),
  },
}) {}

interface Documented {
  readonly route: Route
  readonly facts: RouteFacts
}

const endpointOf = ({ route, facts }: Documented): HttpApiEndpoint.Constraint => {
  const { path, params } = pathOf(route)
  const answer = answerOf(route)
  const endpoint = HttpApiEndpoint.make(route.method)(facts.operationId, path, {
    params,
    success: answer,
    error: facts.problems.map((slug) => problemSchemas[slug]),
  }).annotateMerge(
    OpenApi.annotations({
      summary: facts.summary,
      ...(facts.description === "" ? {} : { description: facts.description }),
      override: { ...facts.extensions, ...bodyOf(route) },
      ...(answer === passedThrough ? withAnySuccess : {}),
    }),
  )
  return route.public || route.ownAuthentication === true ? endpoint : endpoint.middleware(Bearer)
}

/** `{id}` becomes `:id`, and `/**` a parameter named `rest`. */
const pathOf = (
  route: Route,
): { readonly path: `/${string}`; readonly params: Readonly<Record<string, Schema.String>> } => {
  const params: Record<string, Schema.String> = {}
  const segments = route.template.split("/").slice(1)
  const path = segments.map((segment) => {
    if (segment === "**") {
      params["rest"] = Schema.String.annotate({ description: "The rest of the path, one segment or more." })
      return ":rest"
    }
    if (!segment.startsWith("{")) return segment
    const name = segment.slice(1, -1)
    params[name] = Schema.String
    return `:${name}`
  })
  return { path: `/${path.join("/")}`, params }
}

const passedThrough = HttpApiSchema.Empty(200).annotate({
  description: "The backend's answer, passed through as it is.",
})
const ownAnswer = HttpApiSchema.Empty(200).annotate({ description: "The gateway's own answer." })
const eventStream = Schema.String.annotate({
  description: "The backend's events, passed through as they come.",
}).pipe(HttpApiSchema.asText({ contentType: "text/event-stream" }))
// `HttpApiSchema.Upgrade` refuses WebSockets.
const webSocket = HttpApiSchema.Empty(101).annotate({ description: "The WebSocket is open." })

const answerOf = (route: Route) =>
  route.upgrade
    ? webSocket
    : route.answeredBy === "gateway"
      ? ownAnswer
      : route.timeout === "none"
        ? eventStream
        : passedThrough

/** The library knows single statuses only; the backend chooses among all of 2xx. */
const withAnySuccess: Parameters<typeof OpenApi.annotations>[0] = {
  transform: ({ responses: { 200: answer, ...others }, ...operation }) => ({
    ...operation,
    responses: { "2XX": answer, ...others },
  }),
}

/** The library's payloads are required; whether a body is needed, and of what form, is the handler's to say. */
const bodyOf = ({ method }: Route): Readonly<Record<string, unknown>> =>
  method === "GET" || method === "DELETE"
    ? {}
    : { requestBody: { content: { "application/json": { schema: {} } } } }
