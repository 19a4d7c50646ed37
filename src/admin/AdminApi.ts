import { Array as Arr, Effect, FileSystem, Layer, Path } from "effect"
import { Etag, HttpPlatform, HttpRouter } from "effect/http"
import { HttpApiBuilder, OpenApi } from "effect/http-api"
import { Problem } from "../http/Problems.ts"
import { adminBase } from "./AdminBase.ts"
import * as Approvals from "./Approvals.ts"
import * as Breakers from "./Breakers.ts"
import * as Flags from "./Flags.ts"
import * as Policy from "./Policy.ts"
import * as Rollout from "./Rollout.ts"
import { StaffOnly } from "./Staff.ts"

/** The admin API (SPEC 18), as its handlers, its documentation and the CLI know it. */
export const adminApi = adminBase
  .add(Approvals.approvals)
  .add(Breakers.breakers)
  .add(Flags.flags)
  .add(Policy.policy)
  .add(Rollout.rollout)
  .annotateMerge(
    OpenApi.annotations({
      title: "Constitutional Gateway: admin API",
      version: "1",
      description: "For platform staff, on the staff's portal.",
    }),
  )

/** 405 for what is served by another method only (SPEC 10). */
const otherMethods = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const all = Object.values(adminApi.groups).flatMap(({ endpoints }) => Object.values(endpoints))
    for (const [path, here] of Object.entries(Arr.groupBy(all, (endpoint) => endpoint.path))) {
      const served = here.map(({ method }) => method)
      const allow = [...served, ...(served.includes("GET") ? ["HEAD"] : [])].toSorted().join(", ")
      const refusal = new Problem({
        slug: "method-not-allowed",
        detail: `This path is served with ${allow}.`,
        headers: { allow },
      })
      for (const method of routed) {
        // Every path above starts with a slash.
        if (!served.includes(method)) yield* router.add(method, path as `/${string}`, Effect.fail(refusal))
      }
    }
  }),
)

/** What the route table lets through to here. */
const routed = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

/** The routes of the admin API, and what is served nowhere else: its OpenAPI document. */
export const layer = Layer.mergeAll(
  HttpApiBuilder.layer(adminApi, { openapiPath: "/_gateway/openapi.json" }).pipe(
    Layer.provide([Approvals.layer, Breakers.layer, Flags.layer, Policy.layer, Rollout.layer]),
    Layer.provide(StaffOnly.layer),
  ),
  otherMethods,
).pipe(
  // Asked for by the library, which could send files; nothing here does.
  Layer.provide(HttpPlatform.layer),
  Layer.provide([Etag.layer, FileSystem.layerNoop({}), Path.layer]),
)
