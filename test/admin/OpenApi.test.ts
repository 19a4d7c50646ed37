import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse, HttpServer } from "effect/http"
import { createHash } from "node:crypto"
import { AdmissionStage } from "../../src/http/Admission.ts"
import { CanonicalPath } from "../../src/http/CanonicalPath.ts"
import { CorrelationStage } from "../../src/http/Correlation.ts"
import { makeEndpoint } from "../../src/http/Endpoint.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { catalogue, typeBase } from "../../src/http/Problems.ts"
import { Proxy } from "../../src/http/Proxy.ts"
import { routesOf } from "../../src/http/Routes.ts"
import * as Server from "../../src/http/Server.ts"
import { Approvals } from "../../src/policy/Approvals.ts"
import { PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { Shadow } from "../../src/policy/Shadow.ts"
import { configured } from "../auth/World.ts"
import { MemoryFlags } from "../flags/MemoryFlags.ts"
import { breakers } from "../rollback/World.ts"
import { flagsWorld, withDirect } from "./FlagsWorld.ts"

/** Asks whatever listens for the portals. */
const client = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const { address } = yield* Server.PortalsAddress
    const base = HttpClientRequest.prependUrl(HttpServer.formatAddress(address))
    return HttpClient.mapRequest(yield* HttpClient.HttpClient, base)
  }),
).pipe(Layer.provide(FetchHttpClient.layer))

/** The gateway's own routes on a real socket, behind the stages that choose the portal and the route. */
const gateway = (env: Readonly<Record<string, string>> = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const read = yield* CanonicalPath
      const correlation = yield* CorrelationStage
      const admission = yield* AdmissionStage
      return client.pipe(
        Layer.provide(Server.layer({ read, answer: correlation(admission(yield* makeEndpoint)) })),
      )
    }),
  ).pipe(
    Layer.provide([CanonicalPath.layer, CorrelationStage.layer, AdmissionStage.layer]),
    Layer.provide(Layer.succeed(Proxy, Effect.die("No request of these tests is for the backend."))),
    Layer.provide([Approvals.layerOff, PolicyEngine.layerOff, Shadow.layerOff]),
    Layer.provide([flagsWorld(MemoryFlags.layer), withDirect]),
    Layer.provide(breakers()),
    Layer.provide([configured({ PORT: "0", ...env }), Lifecycle.layer]),
  )

const Ref = Schema.Struct({ $ref: Schema.String })
const Response = Schema.Struct({
  description: Schema.String,
  content: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        schema: Schema.Union([Ref, Schema.Struct({ anyOf: Schema.Array(Ref) }), Schema.Json]),
      }),
    ),
  ),
})
const Operation = Schema.Struct({
  operationId: Schema.String,
  tags: Schema.Tuple([Schema.String]),
  summary: Schema.String,
  parameters: Schema.Array(
    Schema.Struct({ name: Schema.String, in: Schema.Literal("path"), required: Schema.Literal(true) }),
  ),
  security: Schema.Array(Schema.Record(Schema.String, Schema.Array(Schema.String))),
  responses: Schema.Record(Schema.String, Response),
  "x-gateway-cost-micro-dollars": Schema.Int,
  "x-gateway-permission": Schema.optionalKey(Schema.String),
  "x-gateway-action": Schema.optionalKey(Schema.String),
  "x-gateway-limits": Schema.optionalKey(Schema.Array(Schema.String)),
})
const Problem = Schema.Struct({
  properties: Schema.Struct({
    type: Schema.Struct({ enum: Schema.Tuple([Schema.String]) }),
    title: Schema.Struct({ enum: Schema.Tuple([Schema.String]) }),
    status: Schema.Struct({ enum: Schema.Tuple([Schema.Int]) }),
  }),
  required: Schema.Array(Schema.String),
  additionalProperties: Schema.optionalKey(Schema.Json),
})
const Document = Schema.Struct({
  openapi: Schema.Literal("3.1.0"),
  info: Schema.Struct({ title: Schema.String, version: Schema.String, description: Schema.String }),
  servers: Schema.Array(Schema.Struct({ url: Schema.String })),
  tags: Schema.Array(Schema.Struct({ name: Schema.String })),
  paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Operation)),
  components: Schema.Struct({
    schemas: Schema.Record(Schema.String, Problem),
    securitySchemes: Schema.Record(
      Schema.String,
      Schema.Struct({ type: Schema.String, scheme: Schema.String, bearerFormat: Schema.String }),
    ),
  }),
})
type Document = typeof Document.Type
type Operation = typeof Operation.Type

const documentAt = (path: string) =>
  HttpClient.get(path).pipe(
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Document)),
  )

const operationsOf = (document: Document) =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

const operation = (document: Document, method: string, path: string): Operation => {
  const found = document.paths[path]?.[method]
  assert.isDefined(found, `${method} ${path}`)
  return found
}

const schemasOf = (response: typeof Response.Type | undefined): ReadonlyArray<string> => {
  const schema = response?.content?.["application/problem+json"]?.schema
  if (Schema.is(Ref)(schema)) return [schema.$ref]
  return Schema.is(Schema.Struct({ anyOf: Schema.Array(Ref) }))(schema)
    ? schema.anyOf.map(({ $ref }) => $ref)
    : []
}

/** The slugs of the problems that are documented for a status. */
const problemsAt = (document: Document, { responses }: Operation, status: number): ReadonlyArray<string> =>
  schemasOf(responses[status]).map((ref) => {
    const problem = document.components.schemas[ref.replace("#/components/schemas/", "")]
    assert.isDefined(problem, ref)
    return problem.properties.type.enum[0].replace(typeBase, "")
  })

const pageAt = (path: string) => Effect.flatMap(HttpClient.get(path), HttpClientResponse.filterStatusOk)

describe("GET /openapi.json", () => {
  it.effect.each(["CP", "PP"] as const)("lists exactly the routes of the table that %s has", (portal) =>
    Effect.gen(function* () {
      const document = yield* documentAt(`/${portal.toLowerCase()}/openapi.json`)
      assert.sameMembers(
        operationsOf(document).map(({ method, path }) => `${method.toUpperCase()} ${path}`),
        routesOf(portal).map(({ method, template }) => `${method} ${template.replace("**", "{rest}")}`),
      )
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("of no portal lists what belongs to none, and says where the portals are", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/openapi.json")
      assert.sameMembers(Object.keys(document.paths), [
        "/health",
        "/healthz",
        "/ready",
        "/openapi.json",
        "/docs",
      ])
      assert.deepStrictEqual(document.servers, [{ url: "/" }])
      assert.include(document.info.description, "`/cp/docs`")
      assert.include(document.info.description, "`/pp/docs`")
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("names the portal's prefix as the server where prefixes select the portal", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* documentAt("/cp/openapi.json")).servers[0]?.url, "/cp")
      assert.strictEqual((yield* documentAt("/pp/openapi.json")).servers[0]?.url, "/pp")
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("names the root as the server where one portal is served", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/openapi.json")
      assert.strictEqual(document.servers[0]?.url, "/")
      assert.include(document.info.title, "(PP)")
    }).pipe(Effect.provide(gateway({ GATEWAY_TYPE: "PP" }))),
  )

  it.effect("names no prefix where host names select the portal", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/openapi.json")
      assert.deepStrictEqual(document.servers, [{ url: "/" }])
      assert.notInclude(document.info.description, "/cp")
    }).pipe(Effect.provide(gateway({ CP_HOSTS: "cp.waooaw.com", PP_HOSTS: "pp.waooaw.com" }))),
  )

  it.effect.each(["/openapi.json", "/cp/openapi.json", "/pp/openapi.json"])("%s is sound", (url) =>
    Effect.gen(function* () {
      const document = yield* documentAt(url)
      const all = operationsOf(document)
      const ids = all.map(({ operation: { operationId } }) => operationId)
      assert.strictEqual(new Set(ids).size, ids.length, "operation ids are unique")
      const tags = document.tags.map(({ name }) => name)
      for (const {
        path,
        operation: { operationId, tags: own, parameters, responses },
      } of all) {
        assert.match(operationId, /^\w+$/)
        assert.include(tags, own[0])
        assert.deepStrictEqual(
          parameters.map(({ name }) => `{${name}}`),
          path.match(/\{\w+\}/g) ?? [],
          `${path} declares its parameters`,
        )
        for (const response of Object.values(responses)) {
          for (const ref of schemasOf(response)) {
            assert.property(document.components.schemas, ref.replace("#/components/schemas/", ""))
          }
        }
      }
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("asks for a bearer token on every route that is not public", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/cp/openapi.json")
      assert.deepInclude(document.components.securitySchemes, {
        bearer: { type: "http", scheme: "Bearer", bearerFormat: "JWT" },
      })
      for (const { method, template, public: open } of routesOf("CP")) {
        assert.deepStrictEqual(
          operation(document, method.toLowerCase(), template.replace("**", "{rest}")).security,
          open ? [] : [{ bearer: [] }],
          `${method} ${template}`,
        )
      }
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("asks for no portal's token where a route has its own authentication", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/pp/openapi.json")
      const push = operation(document, "post", "/_gateway/billing/events")
      assert.deepStrictEqual(push.security, [])
      assert.deepStrictEqual(problemsAt(document, push, 401), ["unauthorized", "invalid-token"])
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("says what an act costs, which approval it needs and what limits it on CP", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/cp/openapi.json")
      const execution = operation(document, "post", "/api/v1/agents/{id}/execute-external")
      assert.strictEqual(execution["x-gateway-action"], "execution.external")
      assert.strictEqual(execution["x-gateway-cost-micro-dollars"], 1000)
      assert.deepStrictEqual(execution["x-gateway-limits"], [
        "requests per customer or user and hour",
        "tasks per trial customer and UTC day",
      ])
      assert.isUndefined(execution["x-gateway-permission"], "permissions are PP's")
      assert.deepStrictEqual(execution.tags, ["agents"])
      assert.strictEqual(operation(document, "post", "/api/v1/tasks")["x-gateway-cost-micro-dollars"], 10_000)
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("says which permission a route needs on PP, and nothing of CP's rules", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/pp/openapi.json")
      const execution = operation(document, "post", "/api/v1/agents/{id}/execute-external")
      assert.strictEqual(execution["x-gateway-permission"], "agent.execute")
      assert.isUndefined(execution["x-gateway-action"])
      assert.deepStrictEqual(problemsAt(document, execution, 403), ["permission-denied"])
      assert.deepStrictEqual(problemsAt(document, execution, 429), ["too-many-requests"])
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("gives each problem that a route can answer with", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/cp/openapi.json")
      const execution = operation(document, "post", "/api/v1/agents/{id}/execute-external")
      assert.sameMembers(
        [...problemsAt(document, execution, 401)],
        [
          "unauthorized",
          "invalid-token-format",
          "token-expired",
          "invalid-token",
          "token-revoked",
          "token-version-mismatch",
        ],
      )
      assert.deepStrictEqual(problemsAt(document, execution, 402), ["budget-exceeded"])
      assert.sameMembers(
        [...problemsAt(document, execution, 403)],
        ["trial-expired", "trial-suspended", "approval-required"],
      )
      assert.sameMembers(
        [...problemsAt(document, execution, 429)],
        ["too-many-requests", "trial-limit-exceeded"],
      )
      assert.deepStrictEqual(problemsAt(document, execution, 413), ["payload-too-large"])
      for (const status of [502, 503, 504]) assert.lengthOf(problemsAt(document, execution, status), 1)

      const read = operation(document, "get", "/api/v1/agents")
      assert.notProperty(read.responses, "402", "reading costs nothing")
      assert.deepStrictEqual(problemsAt(document, read, 403), ["trial-expired", "trial-suspended"])

      const signIn = operation(document, "post", "/api/v1/auth/otp/start")
      assert.deepStrictEqual(problemsAt(document, signIn, 429), ["too-many-requests"])
      assert.notProperty(signIn.responses, "401")

      const health = operation(document, "get", "/health")
      assert.sameMembers(Object.keys(health.responses), ["200", "400", "500"])
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("says which answers are the backend's, streams and sockets too", () =>
    Effect.gen(function* () {
      const document = yield* documentAt("/cp/openapi.json")
      assert.property(operation(document, "get", "/api/v1/agents").responses, "2XX")

      const events = operation(document, "get", "/api/v1/genesis/events").responses
      assert.deepStrictEqual(Object.keys(events["200"]?.content ?? {}), ["text/event-stream"])
      assert.notProperty(events, "504", "a stream may be silent")

      const socket = operation(document, "get", "/ws/agent/{id}")
      assert.property(socket.responses, "101")
      assert.deepStrictEqual(problemsAt(document, socket, 426), ["upgrade-required"])
    }).pipe(Effect.provide(gateway())),
  )

  it.effect("describes each problem as the catalogue does, and open to extension members", () =>
    Effect.gen(function* () {
      const { schemas } = (yield* documentAt("/cp/openapi.json")).components
      const published = new Map(
        Object.entries(catalogue).map(([slug, { status, title }]) => [typeBase + slug, { status, title }]),
      )
      for (const { properties, required, additionalProperties } of Object.values(schemas)) {
        assert.deepStrictEqual(published.get(properties.type.enum[0]), {
          status: properties.status.enum[0],
          title: properties.title.enum[0],
        })
        assert.sameMembers([...required], ["type", "title", "status", "detail", "instance", "correlation_id"])
        assert.notStrictEqual(additionalProperties, false)
      }
    }).pipe(Effect.provide(gateway())),
  )
})

describe("GET /docs", () => {
  it.effect("shows the routes of the portal that is asked", () =>
    Effect.gen(function* () {
      const cp = yield* pageAt("/cp/docs")
      assert.match(cp.headers["content-type"] ?? "", /^text\/html/)
      const customers = yield* cp.text
      const staff = yield* Effect.flatMap(pageAt("/pp/docs"), (page) => page.text)
      const nobody = yield* Effect.flatMap(pageAt("/docs"), (page) => page.text)
      assert.include(customers, "post_payments_coupon_checkout")
      assert.notInclude(staff, "post_payments_coupon_checkout")
      assert.include(staff, "post_users_id_roles")
      assert.notInclude(customers, "post_users_id_roles")
      assert.include(nobody, "get_health")
      assert.notInclude(nobody, "get_agents")
    }).pipe(Effect.provide(gateway())),
  )

  it.effect(
    "loads nothing from elsewhere, and its policy admits only the scripts and styles it carries",
    () =>
      Effect.gen(function* () {
        const page = yield* pageAt("/cp/docs")
        const html = yield* page.text
        const markup = html.replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gs, "<$1>")
        assert.notMatch(markup, /\b(?:src|href)=/)
        assert.notMatch(html, /<script[^>]+\bsrc=/)

        const policy = new Map(
          (page.headers["content-security-policy"] ?? "").split("; ").map((directive) => {
            const [name = "", ...sources] = directive.split(" ")
            return [name, sources]
          }),
        )
        assert.deepStrictEqual(policy.get("default-src"), ["'none'"])
        assert.deepStrictEqual(policy.get("connect-src"), ["'self'"])
        assert.deepStrictEqual(policy.get("frame-ancestors"), ["'none'"])
        for (const element of ["script", "style"]) {
          const content = new RegExp(`<${element}>(.*?)</${element}>`, "s").exec(html)?.[1]
          assert.isDefined(content)
          assert.deepStrictEqual(policy.get(`${element}-src`), [
            `'sha256-${createHash("sha256").update(content).digest("base64")}'`,
          ])
        }
      }).pipe(Effect.provide(gateway())),
  )
})
