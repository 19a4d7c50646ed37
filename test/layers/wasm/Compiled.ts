import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The directory with the policy that the gateway is built with. */
export const compiledPolicy = fileURLToPath(new URL("../../../policies/compiled/", import.meta.url))

export const compiledRevision: string = JSON.parse(
  readFileSync(join(compiledPolicy, "manifest.json"), "utf8"),
).revision
