import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rawClient } from "../AwkwardPeers.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

const head = (path: string, headers: Readonly<Record<string, string>>, version = "1.1") =>
  `POST ${path} HTTP/${version}\r\nHost: gateway\r\nExpect: 100-continue\r\n` +
  `${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`

const interim = "HTTP/1.1 100 Continue\r\n\r\n"

/** Sends a head, and a body only once it is asked for. */
const sendPatiently = Effect.fnUntraced(function* (
  { port }: GatewayUnderTest,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) {
  const { socket, received } = yield* rawClient(port)
  socket.write(head(path, headers))
  yield* until(() => received().includes(interim))
  socket.write(body)
  yield* until(() => received().includes('"echo"'))
  return received()
})

it.live("a client that waits for 100 Continue is asked for its body, once", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const authorization = `Bearer ${yield* gateway.token("CP")}`
    const answer = yield* sendPatiently(
      gateway,
      "/cp/api/v1/tasks",
      { Authorization: authorization, "Content-Length": "5" },
      "hello",
    )
    assert.strictEqual(answer.split(interim).length, 2)
    assert.match(answer.slice(interim.length), /^HTTP\/1\.1 201 /)
    assert.strictEqual(gateway.plant.requests.at(-1)?.bodyBytes, 5)
    assert.notMatch(answer.slice(interim.length), /"expect"/i)
  }),
)

it.live("so is one whose body is pinned to its customer", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const authorization = `Bearer ${yield* gateway.token("CP", { customerId: "c-7" })}`
    const answer = yield* sendPatiently(
      gateway,
      "/cp/api/v1/payments/razorpay/order",
      { Authorization: authorization, "Content-Length": "2", "Content-Type": "application/json" },
      "{}",
    )
    assert.strictEqual(answer.split(interim).length, 2)
    assert.include(answer, "c-7")
  }),
)

it.live.each([
  ["without a token", "/cp/api/v1/tasks", "5", 401],
  ["on no route", "/cp/api/v1/nowhere", "5", 404],
  ["with a body over the limit", "/cp/api/v1/auth/register", "99999999999", 413],
] as const)(
  "a refused request gets its final answer at once, and is never asked for its body: %s",
  ([, path, length, status]) =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      // The body never comes: only an answer that does not wait for it ends this test.
      const answer = yield* gateway.raw(head(path, { "Content-Length": length }))
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.strictEqual(gateway.reached(), 0)
    }),
)

it.live("HTTP/1.0 knows no interim answers, so it gets none", () =>
  Effect.gen(function* () {
    const gateway = yield* startGateway()
    const answer = yield* gateway.raw(
      `${head("/cp/api/v1/auth/register", { "Content-Length": "5" }, "1.0")}hello`,
    )
    assert.match(answer, /^HTTP\/1\.1 200 /)
  }),
)
