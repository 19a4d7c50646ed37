import { randomBytes } from "node:crypto"
import type { Rung } from "../types.ts"
import { startGateway } from "./gateway.ts"
import { bearer } from "./token.ts"

const secret = randomBytes(32).toString("hex")

/** This gateway with authentication and its error format on. */
export const gatewayAuth: Rung = {
  name: "gateway-auth",
  start: (context) =>
    startGateway("gateway-auth", context, {
      ENABLE_AUTH_MIDDLEWARE: "true",
      ENABLE_ERROR_MIDDLEWARE: "true",
      JWT_SECRET_CP: secret,
    }),
  headers: () => bearer("CP", secret),
}
