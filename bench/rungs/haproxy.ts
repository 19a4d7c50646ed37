import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { requestPath } from "../answer.ts"
import { freePort, startChild, untilReady } from "../child.ts"
import type { Rung } from "../types.ts"
import { findProgram, running } from "./server.ts"

const configuration = (port: number, upstream: string): string => `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend plant
backend plant
  server plant ${upstream}
`

/** HAProxy with one thread and reused upstream connections. */
export const haproxy: Rung = {
  name: "haproxy",
  start: async ({ workDir, upstream }) => {
    const command = findProgram("haproxy", "TEST_HAPROXY_BIN")
    const port = await freePort()
    const file = join(workDir, "haproxy.cfg")
    writeFileSync(file, configuration(port, new URL(upstream).host))
    const child = await startChild({ name: "haproxy", command, args: ["-db", "-f", file], workDir })
    const url = `http://127.0.0.1:${port}`
    await untilReady(child, url + requestPath)
    return running(child, url)
  },
}
