import type { Rung } from "../types.ts"
import { startServer } from "./server.ts"

/** The floor: node:http answers by itself, with no upstream. */
export const nodeHttp: Rung = {
  name: "node-http",
  start: ({ workDir }) => startServer("node-http", "upstream.ts", workDir),
}
