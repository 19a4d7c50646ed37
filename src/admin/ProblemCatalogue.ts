import { HttpRouter, HttpServerResponse } from "effect/http"
import { catalogue, typeBase } from "../http/Problems.ts"

const entries = Object.entries(catalogue).map(([slug, { status, title, about }]) => ({
  type: typeBase + slug,
  slug,
  status,
  title,
  error_code: slug.toUpperCase().replaceAll("-", "_"),
  about,
}))

/** `GET /_gateway/problems`: every failure the gateway can answer with, as data (SPEC 10). */
export const layer = HttpRouter.add(
  "GET",
  "/_gateway/problems",
  HttpServerResponse.jsonUnsafe({ problems: entries }),
)
