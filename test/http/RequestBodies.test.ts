import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { answerTo, begin, bodyOf } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const bodyAtPlant = Effect.fnUntraced(function* (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) {
  const gateway = yield* startGateway()
  const authorization = `Bearer ${yield* gateway.token("CP")}`
  const answer = yield* gateway.send({ method, path, headers: { authorization, ...headers }, body })
  const recorded = gateway.plant.requests.at(-1)
  const header = (wanted: string) =>
    recorded?.rawHeaders.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  // What Plant read is in its echo.
  const echo = answer.json()["echo"] as { readonly body: string }
  return { status: answer.status, body: echo.body, header }
})

it.live("a POST with an empty body says so to Plant", () =>
  Effect.gen(function* () {
    const { status, body, header } = yield* bodyAtPlant(
      "POST",
      "/cp/api/v1/tasks",
      { "content-length": "0" },
      "",
    )
    assert.strictEqual(status, 201)
    assert.strictEqual(body, "")
    assert.deepStrictEqual(header("content-length"), ["0"])
  }),
)

it.live("a POST without any body reaches Plant", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const answer = yield* gateway.raw(
      "POST /cp/api/v1/auth/logout HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n",
    )
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.strictEqual(gateway.plant.requests.at(-1)?.bodyBytes, 0)
  }),
)

it.live.each([
  ["DELETE", "/cp/api/v1/agents/a-1/skills/s-1"],
  ["PATCH", "/cp/api/v1/agents/a-1"],
  ["GET", "/cp/api/v1/agents"],
] as const)("%s may have a body, with its length", ([method, path]) =>
  Effect.gen(function* () {
    const { body, header } = yield* bodyAtPlant(method, path, { "content-length": "6" }, "reason")
    assert.strictEqual(body, "reason")
    assert.deepStrictEqual(header("content-length"), ["6"])
  }),
)

it.live.each([
  ["POST", "/cp/api/v1/tasks"],
  ["DELETE", "/cp/api/v1/agents/a-1/skills/s-1"],
] as const)("%s may have a body whose length nobody knows yet", ([method, path]) =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const authorization = `Bearer ${yield* gateway.token("CP")}`
    const headers = { authorization, "transfer-encoding": "chunked" }
    const request = yield* begin(gateway.port, { method, path, headers })
    request.write("first,")
    yield* until(() => gateway.plant.requests.at(-1)?.bodyBytes === 6)
    request.end("second")
    const { text } = yield* bodyOf(yield* answerTo(request))
    assert.include(text, '"body":"first,second"')
    assert.include(text, '"transfer-encoding":["chunked"]')
    assert.notInclude(text, "content-length")
  }),
)

it.live("a compressed body is Plant's to read", () =>
  Effect.gen(function* () {
    const { body, header } = yield* bodyAtPlant(
      "POST",
      "/cp/api/v1/tasks",
      { "content-encoding": "gzip" },
      "zipped",
    )
    assert.strictEqual(body, "zipped")
    assert.deepStrictEqual(header("content-encoding"), ["gzip"])
  }),
)
