import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { commandLine } from "../cli/CommandLine.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { describeLive } from "../Live.ts"
import { until, untilSeen } from "../Until.ts"
import { startBackends, startGatewayProcess, token } from "./TwoGateways.ts"

const customers = Array.from({ length: 40 }, (_, n) => `customer-${n}`)

await describeLive("a canary whose backend starts to answer 5xx", "TEST_DATABASE_URL", (url) => {
  it.live(
    "is taken to 0 % by itself within a minute on both processes, with the evidence on record",
    () =>
      Effect.gen(function* () {
        const database = yield* ownSchema(url)
        let broken = false
        const { env } = yield* startBackends(database, {
          plant: ({ url: target }, response) => {
            if (!broken || target === "/health") return false
            response.writeHead(500).end()
            return true
          },
        })
        const gateways = yield* Effect.all([startGatewayProcess(env), startGatewayProcess(env)], {
          concurrency: 2,
        })
        const tokens = yield* Effect.forEach(customers, (customerId) =>
          token("CP", { customerId, trial: false }),
        )
        const staff = yield* token("PP", { governorAgentId: "on-call" })
        const cli = (...args: ReadonlyArray<string>) =>
          commandLine(args, {
            GATEWAY_URL: `http://127.0.0.1:${gateways[0].port}/pp`,
            GATEWAY_TOKEN: staff,
          })

        let sent = 0
        /** The last answer of each customer at each gateway. */
        const last = gateways.map(() => new Map<number, string>())
        const load = yield* Effect.forkChild(
          Effect.suspend(() => {
            const n = sent++
            const [at, customer] = [n % 2, Math.floor(n / 2) % customers.length]
            const asked = gateways[at]?.ask(tokens[customer] ?? "") ?? Effect.succeed("")
            return Effect.forkChild(Effect.map(asked, (upstream) => last[at]?.set(customer, upstream)))
          }).pipe(Effect.repeat(Schedule.fixed("10 millis"))),
        )
        const all = () => last.flatMap((answers) => [...answers.values()])
        yield* until(() => all().length === 2 * customers.length && all().every((each) => each === "plant"))

        yield* cli("rollout", "advance", "--to", "canary_50pct", "--reason", "A test.")
        yield* until(() => new Set(all()).size === 2)
        const canary = all().filter((each) => each === "plant").length
        assert.isAbove(canary, 0)
        assert.isBelow(canary, 2 * customers.length)

        broken = true
        const began = Date.now()
        yield* until(() => all().every((each) => each === "plant-direct"))
        assert.isBelow(Date.now() - began, 60_000)
        yield* Fiber.interrupt(load)

        const { out } = yield* untilSeen(cli("rollout", "history", "--json"), ({ out: said }) =>
          said.includes('"abort"'),
        )
        const { events } = JSON.parse(out) as {
          // As the admin API declares it.
          readonly events: ReadonlyArray<{
            readonly action: string
            readonly after: { readonly state: string; readonly percent: number; readonly updated_by: string }
            readonly evidence: { readonly verdict: string } | null
          }>
        }
        const [aborted] = events
        assert.strictEqual(aborted?.action, "abort")
        assert.strictEqual(aborted?.after.state, "aborted")
        assert.strictEqual(aborted?.after.percent, 0)
        assert.strictEqual(aborted?.after.updated_by, "analysis")
        assert.strictEqual(aborted?.evidence?.verdict, "broken")
        assert.lengthOf(
          events.filter(({ action }) => action === "abort"),
          1,
        )
      }),
    120_000,
  )
})
