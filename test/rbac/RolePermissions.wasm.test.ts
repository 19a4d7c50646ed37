import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lastHeader, startGateway } from "../GatewayUnderTest.ts"
import { rolePermissions } from "./RolePermissions.ts"

describe("Permissions of staff, decided in process", () => {
  rolePermissions(Effect.succeed({ OPA_LAYER: "wasm" }))

  it.live("a route that is not in the table is denied, also to an admin", () =>
    Effect.gen(function* () {
      const gateway = yield* startGateway()
      const headers = { authorization: `Bearer ${yield* gateway.token("PP")}` }
      for (const path of ["/pp/api/v1/unheard-of", "/pp/api/v1/payments/coupon/checkout"]) {
        const { status } = yield* gateway.send({ method: "POST", path, headers })
        assert.strictEqual(status, 404)
      }
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live(
    "with ENABLE_RBAC_MIDDLEWARE=false every signed-in member of staff passes, and auth still holds",
    () =>
      Effect.gen(function* () {
        const gateway = yield* startGateway({ env: { ENABLE_RBAC_MIDDLEWARE: "false" } })
        const path = "/pp/api/v1/users/u-1"
        const token = yield* gateway.token("PP", { roles: ["viewer"] })
        const passed = yield* gateway.send({
          method: "DELETE",
          path,
          headers: { authorization: `Bearer ${token}` },
        })
        assert.isBelow(passed.status, 300)
        assert.isUndefined(lastHeader(gateway.plant, "x-user-role-level"))
        assert.strictEqual((yield* gateway.send({ method: "DELETE", path })).status, 401)
      }),
  )
})
