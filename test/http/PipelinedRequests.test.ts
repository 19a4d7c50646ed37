import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { rawClient } from "../AwkwardPeers.ts"
import { startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"

it.live(
  "requests sent ahead on one connection are answered in their order, whichever Plant answers first",
  () =>
    Effect.gen(function* () {
      const waiting = new Map<string, ServerResponse>()
      const gateway = yield* startGateway({
        plant: (request, response) => {
          const [, number] = request.url?.split("?n=") ?? []
          if (number === undefined) return false
          waiting.set(number, response)
          return true
        },
      })
      const { socket, received } = yield* rawClient(gateway.port)
      socket.write(ask(1) + ask(2) + ask(3) + "GET /cp/nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n" + ask(5))
      yield* until(() => waiting.size === 4)
      for (const number of ["5", "3", "2"]) waiting.get(number)?.end(`answer ${number};`)
      // The last of them is through, and nothing may be heard of it yet.
      yield* until(() => waiting.get("2")?.writableFinished === true)
      assert.strictEqual(received(), "")
      waiting.get("1")?.end("answer 1;")
      yield* until(() => received().includes("answer 5;"))
      const order = [...received().matchAll(/answer \d(?=;)|not-found/g)].map(([text]) => text)
      assert.deepStrictEqual(order, ["answer 1", "answer 2", "answer 3", "not-found", "answer 5"])
    }),
)

const ask = (number: number): string =>
  `GET /cp/api/auth/google/login?n=${number} HTTP/1.1\r\nHost: gateway\r\n\r\n`
