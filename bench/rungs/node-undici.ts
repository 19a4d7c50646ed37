import type { Rung } from "../types.ts"
import { startServer } from "./server.ts"

/** The reference: the least that a correct pass-through in Node costs. */
export const nodeUndici: Rung = {
  name: "node-undici",
  start: ({ workDir, upstream }) => startServer("node-undici", "servers/undici.ts", workDir, upstream),
}
