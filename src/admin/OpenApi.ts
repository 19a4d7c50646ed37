import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { GatewayConfig, type GatewaySettings } from "../config/GatewayConfig.ts"
import { Exchange } from "../http/Exchange.ts"
import { Cp } from "../portals/Cp.ts"
import type { PortalId } from "../portals/Portal.ts"
import { Pp } from "../portals/Pp.ts"
import type { About } from "./PortalApi.ts"

/**
 * `GET /openapi.json` and `GET /docs`: the routes of the portal that is asked, as OpenAPI 3.1 and as a page to read
 * and try them (SPEC 2). Both are public.
 */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const portals = (yield* GatewayConfig).portal
    const documentation = {
      CP: yield* documentationOf("CP", portals),
      PP: yield* documentationOf("PP", portals),
      none: yield* documentationOf(undefined, portals),
    }
    const asked = Effect.map(Exchange, ({ portal }) => documentation[portal ?? "none"])
    yield* router.add(
      "GET",
      "/openapi.json",
      Effect.flatMap(asked, ({ document }) => document),
    )
    yield* router.add(
      "GET",
      "/docs",
      Effect.flatMap(asked, ({ page }) => page),
    )
  }),
)

/**
 * Written at the first request and remembered. The library is loaded then too: it takes longer to load than most of
 * the gateway, and a cold start must not wait for it.
 */
const documentationOf = Effect.fnUntraced(function* (
  portal: PortalId | undefined,
  portals: GatewaySettings["portal"],
) {
  const api = yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("./PortalApi.ts")),
      ({ portalApi }) => portalApi(portal, aboutOf(portal, portals)),
    ),
  )
  const document = Effect.gen(function* () {
    const { fromApi } = yield* Effect.promise(() => import("effect/http-api/OpenApi"))
    return HttpServerResponse.jsonUnsafe(fromApi(yield* api), { headers })
  })
  const page = Effect.gen(function* () {
    const { docsPage } = yield* Effect.promise(() => import("./DocsPage.ts"))
    return HttpServerResponse.setHeaders(yield* docsPage(yield* api), headers)
  })
  return { document: yield* Effect.cached(document), page: yield* Effect.cached(page) }
})

/** What the documents say changes with a deployment only. */
const headers = { "cache-control": "public, max-age=300", "x-content-type-options": "nosniff" }

const aboutOf = (portal: PortalId | undefined, { type, hosts }: GatewaySettings["portal"]): About => {
  const byPrefix = type === "BOTH" && hosts.CP.length === 0 && hosts.PP.length === 0
  if (portal === undefined) {
    return {
      title: "Constitutional Gateway",
      description: byPrefix
        ? `These routes belong to no portal. The portals' own documentation is at \`${Cp.prefix}/docs\` and \`${Pp.prefix}/docs\`.`
        : "These routes belong to no portal. Each portal has its own documentation on its own host name.",
      servers: [{ url: "/" }],
    }
  }
  return {
    title: `Constitutional Gateway: ${portalNames[portal]}`,
    description: common,
    servers: [{ url: byPrefix ? (portal === "CP" ? Cp : Pp).prefix : "/", description: portalNames[portal] }],
  }
}

const portalNames = { CP: "the customers' portal (CP)", PP: "the staff's portal (PP)" } as const

const common = [
  "What the gateway checks on each route, and which problem documents (RFC 9457) it answers with itself.",
  "A request that the HTTP parser refuses is answered with 400, 408 or 431 before its route is known.",
  "Every other answer of a backend's route, problems included, is the backend's own and is passed through.",
].join(" ")
