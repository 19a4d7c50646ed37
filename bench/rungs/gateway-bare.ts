import type { Rung } from "../types.ts"
import { startGateway } from "./gateway.ts"

/** This gateway as a bare hop. */
export const gatewayBare: Rung = {
  name: "gateway-bare",
  start: (context) => startGateway("gateway-bare", context),
}
