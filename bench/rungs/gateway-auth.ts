import { randomBytes } from "node:crypto"
import { SignJWT } from "jose"
import type { Rung } from "../types.ts"
import { startGateway } from "./gateway.ts"

const secret = randomBytes(32).toString("hex")

const mint = (): Promise<string> => {
  /** Seconds since the epoch. */
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    user_id: "u-1",
    email: "u-1@example.com",
    roles: ["customer"],
    customer_id: "c-1",
    trial_mode: false,
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject("u-1")
    .setIssuer("cp.waooaw.com")
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(new TextEncoder().encode(secret))
}

/** This gateway with authentication and its error format on. */
export const gatewayAuth: Rung = {
  name: "gateway-auth",
  start: (context) =>
    startGateway("gateway-auth", context, {
      ENABLE_AUTH_MIDDLEWARE: "true",
      ENABLE_ERROR_MIDDLEWARE: "true",
      JWT_SECRET_CP: secret,
    }),
  headers: async () => ({ authorization: `Bearer ${await mint()}` }),
}
