import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { commandLine } from "../cli/CommandLine.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { describeLive } from "../Live.ts"
import { until } from "../Until.ts"
import { byHand, startBackends, startGatewayProcess, token } from "./TwoGateways.ts"

/** Requests a second over both processes. */
const rate = 200
const customers = ["acme", "bolt", "core", "dune", "echo"] as const
const flipped = "acme"

interface Seen {
  readonly at: number
  readonly customer: string
  readonly gateway: number
  readonly upstream: string
}

await describeLive("one customer, flipped while requests flow", "TEST_DATABASE_URL", (url) => {
  it.live(
    "is elsewhere in less than a second on both processes, no request fails, and nobody else moves",
    () =>
      Effect.gen(function* () {
        const database = yield* ownSchema(url)
        const { env } = yield* startBackends(database)
        const gateways = yield* Effect.all([startGatewayProcess(env), startGatewayProcess(env)], {
          concurrency: 2,
        })
        const tokens = yield* Effect.forEach(customers, (customerId) =>
          token("CP", { customerId, trial: false }),
        )

        const seen: Array<Seen> = []
        let sent = 0
        const load = yield* Effect.forkChild(
          Effect.suspend(() => {
            const n = sent++
            const [gateway, customer] = [n % gateways.length, n % customers.length]
            const asked = gateways[gateway]?.ask(tokens[customer] ?? "") ?? Effect.succeed("")
            return Effect.forkChild(
              Effect.map(asked, (upstream) =>
                seen.push({ at: Date.now(), customer: customers[customer] ?? "", gateway, upstream }),
              ),
            )
          }).pipe(Effect.repeat(Schedule.fixed(`${1000 / rate} millis`))),
        )
        const answers = (from: number, upstream: string) =>
          gateways.every((_, gateway) =>
            seen.some(
              (one) =>
                one.at >= from &&
                one.customer === flipped &&
                one.gateway === gateway &&
                one.upstream === upstream,
            ),
          )

        yield* until(() => seen.length >= rate)
        assert.isTrue(answers(0, "plant"))

        const staff = yield* token("PP", { governorAgentId: "on-call" })
        const cli = (...args: ReadonlyArray<string>) =>
          commandLine([...args, "--reason", "A test."], {
            GATEWAY_URL: `http://127.0.0.1:${gateways[0].port}/pp`,
            GATEWAY_TOKEN: staff,
          })
        const flips = [
          {
            to: "plant-direct",
            by: byHand(
              database,
              `INSERT INTO gateway_feature_flags (customer_id, gateway_enabled) VALUES ('${flipped}', false)`,
            ),
          },
          {
            to: "plant",
            by: byHand(
              database,
              `UPDATE gateway_feature_flags SET gateway_enabled = true WHERE customer_id = '${flipped}'`,
            ),
          },
          { to: "plant-direct", by: cli("flags", "set", flipped, "--enabled", "false") },
          { to: "plant", by: cli("flags", "set", flipped, "--enabled", "true") },
        ]
        for (const { to, by } of flips) {
          yield* by
          const said = Date.now()
          yield* until(() => answers(said, to))
          yield* until(() => (seen.at(-1)?.at ?? 0) > said + 1500)
          const old = seen.filter(
            ({ at, customer, upstream }) => at > said + 1000 && customer === flipped && upstream !== to,
          )
          assert.deepStrictEqual(old, [])
        }
        yield* until(() => seen.length >= 4 * rate)
        yield* Fiber.interrupt(load)

        const upstreamsOf = (customer: string) =>
          new Set(seen.filter((one) => one.customer === customer).map(({ upstream }) => upstream))
        for (const customer of customers)
          assert.deepStrictEqual(
            [...upstreamsOf(customer)].toSorted(),
            customer === flipped ? ["plant", "plant-direct"] : ["plant"],
          )
      }),
    120_000,
  )
})
