import { assert, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { describeLive } from "../Live.ts"
import { startRelay } from "../TcpRelay.ts"
import { temporaryFolder } from "../TemporaryFolder.ts"
import { untilSeen } from "../Until.ts"
import { byHand, type GatewayOfTwo, startBackends, startGatewayProcess, token } from "./TwoGateways.ts"

const routes = { enrolled: "plant", passed: "plant-direct", unmentioned: "plant" } as const

/** Every customer is where the flags said last. */
const routesHold = Effect.fnUntraced(function* (gateway: GatewayOfTwo) {
  for (const [customerId, upstream] of Object.entries(routes))
    assert.strictEqual(yield* gateway.ask(yield* token("CP", { customerId, trial: false })), upstream)
})

await describeLive("PostgreSQL away", "TEST_DATABASE_URL", (url) => {
  it.live(
    "changes no customer's way, also over a restart meanwhile, and changes are seen again when it is back",
    () =>
      Effect.gen(function* () {
        const relay = yield* startRelay(url)
        const database = yield* ownSchema(url)
        const throughRelay = database.replace(new URL(url).host, new URL(relay.url).host)
        const { env } = yield* startBackends(throughRelay)
        const settings = { ...env, STATE_DIR: yield* temporaryFolder }

        const first = yield* Scope.make()
        const before = yield* Scope.provide(startGatewayProcess(settings), first)
        yield* untilSeen(before.dependency("flags"), (line) => line?.status === "up")
        yield* byHand(
          database,
          "INSERT INTO gateway_feature_flags (customer_id, gateway_enabled) VALUES ('enrolled', true), ('passed', false)",
        )
        yield* untilSeen(
          Effect.flatMap(token("CP", { customerId: "passed", trial: false }), before.ask),
          (upstream) => upstream === "plant-direct",
        )
        yield* routesHold(before)

        yield* relay.vanish
        yield* untilSeen(before.dependency("flags"), (line) => line?.status === "down")
        yield* routesHold(before)
        yield* Scope.close(first, Exit.void)

        const after = yield* startGatewayProcess(settings)
        yield* untilSeen(after.dependency("flags"), (line) => line?.status === "down")
        yield* routesHold(after)

        yield* relay.heal
        yield* byHand(
          database,
          "UPDATE gateway_feature_flags SET gateway_enabled = false WHERE customer_id = 'enrolled'",
        )
        yield* untilSeen(
          Effect.flatMap(token("CP", { customerId: "enrolled", trial: false }), after.ask),
          (upstream) => upstream === "plant-direct",
        )
        yield* untilSeen(after.dependency("flags"), (line) => line?.status === "up")
      }),
    120_000,
  )
})
