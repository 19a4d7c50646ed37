import { Effect } from "effect"
import { describeLive } from "../Live.ts"
import { startOpaServers } from "../OpaServer.ts"
import { rolePermissions } from "./RolePermissions.ts"

await describeLive("Permissions of staff, decided by OPA servers", "TEST_OPA_URLS", () => {
  rolePermissions(Effect.map(startOpaServers, ({ env }) => env))
})
