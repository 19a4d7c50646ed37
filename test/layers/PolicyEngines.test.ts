import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import * as PolicyEngines from "../../layers/PolicyEngines.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { FallbackEngine, PolicyEngine } from "../../src/policy/PolicyEngine.ts"
import { customer } from "../policy/Requests.ts"

// Nobody listens there.
const servers = { OPA_LAYER: "http", OPA_URLS: "http://127.0.0.1:1" }

const configured = (env: Readonly<Record<string, string>>) =>
  PolicyEngines.layer.pipe(
    Layer.provide(Lifecycle.layer),
    Layer.provide(GatewayConfig.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
  )

describe("who decides", () => {
  it.live("by default is the policy in this process, which needs nobody to stand in", () =>
    Effect.gen(function* () {
      const { decide } = yield* PolicyEngine
      assert.isTrue((yield* decide(customer)).allow)
      assert.isTrue(Option.isNone(yield* FallbackEngine))
    }).pipe(Effect.provide(configured({}))),
  )

  it.live("with OPA_LAYER=http are the servers, and nobody while they are away", () =>
    Effect.gen(function* () {
      const { decide } = yield* PolicyEngine
      assert.strictEqual((yield* Effect.flip(decide(customer))).reason, "unreachable")
      assert.isTrue(Option.isNone(yield* FallbackEngine))
    }).pipe(Effect.provide(configured(servers))),
  )

  it.live("with OPA_FALLBACK=wasm besides is the policy in this process while they are away", () =>
    Effect.gen(function* () {
      const { decide } = yield* Effect.flatMap(FallbackEngine, Effect.fromOption)
      assert.isTrue((yield* decide(customer)).allow)
    }).pipe(Effect.provide(configured({ ...servers, OPA_FALLBACK: "wasm" }))),
  )
})
