import { Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { type HttpApi, type HttpApiGroup, HttpApiSwagger } from "effect/http-api"
import { createHash } from "node:crypto"

/**
 * The library's Swagger UI for an API, rendered once for every later request. The page carries its scripts and
 * styles itself, because the networks in which a gateway runs are often closed; and its policy admits exactly
 * those: nothing else runs or is loaded, and it can ask nobody but the gateway.
 */
export const docsPage = Effect.fnUntraced(function* <Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<string, Groups>,
) {
  const swagger = yield* HttpRouter.toHttpEffect(HttpApiSwagger.layer(api, { path: "/docs" }))
  const response = yield* swagger.pipe(
    Effect.provideService(HttpServerRequest.HttpServerRequest, nobodys),
    Effect.orDie,
  )
  const html = yield* Effect.promise(() => HttpServerResponse.toWeb(response).text())
  return HttpServerResponse.setHeader(
    HttpServerResponse.text(html, { contentType: "text/html; charset=utf-8" }),
    "content-security-policy",
    [
      "default-src 'none'",
      `script-src ${hashesOf("script", html)}`,
      `style-src ${hashesOf("style", html)}`,
      "img-src data:",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  )
}, Effect.scoped)

const nobodys = HttpServerRequest.fromWeb(new Request("http://localhost/docs"))

/** The sources that a policy allows: the elements of this name without attributes, by what they hold. */
const hashesOf = (element: "script" | "style", html: string): string =>
  [...html.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, "gs"))]
    .map(([, content = ""]) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`)
    .join(" ")
