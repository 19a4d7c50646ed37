import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { requestPath } from "../answer.ts"
import { freePort, startChild, untilReady } from "../child.ts"
import type { Rung } from "../types.ts"
import { findProgram, running } from "./server.ts"

const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]

const configuration = (port: number, upstream: string, directory: string): string => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join("\n  ")}
  keepalive_requests 1000000000;
  upstream plant {
    server ${upstream};
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://plant;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`

/** nginx with one worker and kept-alive upstream connections. */
export const nginx: Rung = {
  name: "nginx",
  start: async ({ workDir, upstream }) => {
    const command = findProgram("nginx", "TEST_NGINX_BIN")
    const directory = join(workDir, "nginx")
    mkdirSync(directory)
    const port = await freePort()
    const file = join(directory, "nginx.conf")
    writeFileSync(file, configuration(port, new URL(upstream).host, directory))
    const args = ["-p", directory, "-e", join(directory, "error.log"), "-c", file]
    const child = await startChild({ name: "nginx", command, args, workDir })
    const url = `http://127.0.0.1:${port}`
    await untilReady(child, url + requestPath)
    return running(child, url)
  },
}
