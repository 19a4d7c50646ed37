import { Option } from "effect"
import { HttpBody, HttpClientRequest, type HttpMethod, HttpServerRequest } from "effect/http"
import type { ExchangeShape } from "./Exchange.ts"
import { bodyOf, hasBody } from "./RequestBody.ts"

/**
 * A request as the library's own parts want it, its router and its tracer. Stages read the `Exchange`; a request that
 * is only passed on never has one of these. `url`: path and query.
 */
export const libraryRequest = (exchange: ExchangeShape, url: string): HttpServerRequest.HttpServerRequest => {
  const { request, client } = exchange
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const)
  return HttpServerRequest.fromClientRequest(
    // Any method there is: a route or a span only compares it or shows it.
    HttpClientRequest.make(exchange.method as HttpMethod.HttpMethod)(url, {
      headers,
      ...(hasBody(request)
        ? { body: HttpBody.stream(bodyOf(exchange), request.headers["content-type"]) }
        : {}),
    }),
  ).modify({ remoteAddress: Option.some(client.address) })
}
