/** Tokens for the rungs that verify them. */
import { SignJWT } from "jose"
import type { Headers } from "../types.ts"

/** A header with a fresh token of somebody who may make the bench's request. */
export const bearer = async (portal: "CP" | "PP", secret: string): Promise<Headers> => {
  /** Seconds since the epoch. */
  const now = Math.floor(Date.now() / 1000)
  const claims =
    portal === "CP"
      ? { roles: ["customer"], customer_id: "c-1", trial_mode: false }
      : { roles: ["viewer"], customer_id: null }
  const token = await new SignJWT({ user_id: "u-1", email: "u-1@example.com", ...claims })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject("u-1")
    .setIssuer(`${portal.toLowerCase()}.waooaw.com`)
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(new TextEncoder().encode(secret))
  return { authorization: `Bearer ${token}` }
}
