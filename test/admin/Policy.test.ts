import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { PolicyEngine, PolicyUnavailable } from "../../src/policy/PolicyEngine.ts"
import { Shadow, ShadowPolicy } from "../../src/policy/Shadow.ts"
import { customer } from "../policy/Requests.ts"
import { Admin, admin, engineer, others, world } from "./AdminUnderTest.ts"

const get = (path: string, caller = engineer) => Admin.use(({ ask }) => ask(caller, { path }))

/** A second policy that cannot decide. */
const brokenPolicy = Layer.succeed(
  ShadowPolicy,
  Option.some({
    decide: () => Effect.fail(new PolicyUnavailable({ reason: "undefined", message: "It says nothing." })),
    revision: () => "next",
  }),
)

describe("GET /_gateway/policy", () => {
  it.effect("says where the policies are evaluated, and which revision decided", () =>
    Effect.gen(function* () {
      const { decide, revision } = yield* PolicyEngine
      yield* decide(customer)
      const { json } = yield* get("/_gateway/policy")
      assert.isString(json["revision"])
      assert.deepStrictEqual(json, { layer: "wasm", revision: revision() })
    }).pipe(Effect.provide(world())),
  )

  it.effect("and below it are for infrastructure engineers and admins alone", () =>
    Effect.gen(function* () {
      for (const path of ["/_gateway/policy", "/_gateway/policy/shadow"]) {
        for (const caller of others) {
          const { slug, extensions } = yield* Effect.flip(get(path, caller))
          assert.strictEqual(slug, "permission-denied", caller.userId)
          assert.deepStrictEqual(extensions, {
            permission: "policy.read",
            required_roles: ["admin", "infrastructure_engineer"],
          })
        }
        assert.strictEqual((yield* get(path, admin)).status, 200)
      }
    }).pipe(Effect.provide(world())),
  )
})

describe("GET /_gateway/policy/shadow", () => {
  it.effect("is null when there is no second policy", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* get("/_gateway/policy/shadow")).json, { shadow: null })
    }).pipe(Effect.provide(world())),
  )

  it.effect("counts where the two policies disagree, with examples", () =>
    Effect.gen(function* () {
      const engine = yield* PolicyEngine
      const { beside } = yield* Shadow
      const decide = beside((request) =>
        Effect.map(engine.decide(request), (decision) => ({ decision, source: "engine" })),
      )
      yield* decide(customer)
      const read = Effect.map(get("/_gateway/policy/shadow"), ({ json }) => json["shadow"])
      // It is compared after the answer has left.
      yield* Effect.yieldNow
      const { now, portal, method, route, roles } = customer
      assert.deepStrictEqual(yield* read, {
        revision: "next",
        since: "1970-01-01T00:00:00.000Z",
        sampled: 1,
        disagreements: 1,
        by_rule: { "allow:production -> failed:undefined": 1 },
        examples: [
          {
            at: new Date(now).toISOString(),
            portal,
            method,
            route,
            roles,
            active: "allow:production",
            shadow: "failed:undefined",
          },
        ],
      })
    }).pipe(
      Effect.provide(
        world({
          shadow: Shadow.layer.pipe(Layer.provide(brokenPolicy)),
          env: { POLICY_SHADOW_SAMPLE: "1" },
        }),
      ),
    ),
  )
})
