import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { assertProblem, readAnswer } from "../RawAnswer.ts"

const path = "/cp/api/auth/google/login"
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** What the last request to Plant had under this name. */
const atPlant = (gateway: GatewayUnderTest, name: string) =>
  gateway.plant.requests
    .at(-1)
    ?.rawHeaders.filter(([sent]) => sent.toLowerCase() === name)
    .map(([, value]) => value)

describe("a correlation id", () => {
  it.live.each(["0", "req-7.a_b:c", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "x".repeat(128)])(
    "of the client that is well formed is kept in the answer and upstream: %s",
    (id) =>
      Effect.gen(function* () {
        const gateway = yield* startGateway()
        const answer = yield* gateway.send({ path, headers: { "X-Correlation-ID": id } })
        assert.strictEqual(answer.headers["x-correlation-id"], id)
        assert.deepStrictEqual(atPlant(gateway, "x-correlation-id"), [id])
      }),
  )

  it.live.each([
    ["nothing", ""],
    ["too long", "x".repeat(129)],
    ["a blank", "a b"],
    ["a quote", 'a"b'],
    ["markup", "<script>"],
    ["a format string", "%s%n"],
    ["a lookup", "${jndi:ldap://x}"],
    ["an escape of a line break", "a%0d%0aSet-Cookie:x=1"],
    ["a byte beyond ASCII", "caf\u00e9"],
    ["a terminal's escape", "\u009b31m"],
    ["a dash in front", "-rf"],
    ["a list", "a, b"],
  ])("of the client that is %s is replaced", ([, id]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const request = `GET ${path} HTTP/1.1\r\nHost: gateway\r\nX-Correlation-ID: ${id}\r\nConnection: close\r\n\r\n`
      const { headers } = readAnswer(yield* gateway.raw(Buffer.from(request, "latin1")))
      assert.match(headers["x-correlation-id"] ?? "", uuid)
      assert.deepStrictEqual(atPlant(gateway, "x-correlation-id"), [headers["x-correlation-id"]])
    }),
  )

  it.live("that is sent twice is replaced", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const answer = yield* gateway.send({ path, headers: { "x-correlation-id": ["one", "two"] } })
      assert.match(String(answer.headers["x-correlation-id"]), uuid)
    }),
  )

  it.live("is the one of the problem document when the request is refused", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const answer = yield* gateway.send({ path: "/cp/nothing", headers: { "x-correlation-id": "mine" } })
      assert.strictEqual(assertProblem(answer, "not-found")["correlation_id"], "mine")
    }),
  )

  it.live("is new for each request that has none", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const answers = yield* Effect.all(Array.from({ length: 20 }, () => gateway.send({ path })))
      assert.strictEqual(new Set(answers.map(({ headers }) => headers["x-correlation-id"])).size, 20)
    }),
  )
})

describe("the causation id and the request id", () => {
  it.live("are the gateway's own for each request, whatever the client sends", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const seen: Array<string | undefined> = []
      for (let i = 0; i < 2; i++) {
        yield* gateway.send({ path, headers: { "x-causation-id": "mine", "x-request-id": "mine" } })
        for (const name of ["x-causation-id", "x-request-id"]) {
          const values = atPlant(gateway, name)
          assert.lengthOf(values ?? [], 1)
          seen.push(values?.[0])
        }
      }
      assert.notInclude(seen, "mine")
      assert.strictEqual(new Set(seen).size, 4)
    }),
  )
})
