/** Starts the programs behind the rungs: Node servers of this folder, and proxies installed on the machine. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { requestPath } from "../answer.ts"
import { type Child, freePort, startChild, untilReady } from "../child.ts"
import { type Running, Unavailable } from "../types.ts"

export const running = (child: Child, url: string): Running => ({ pid: child.pid, url, stop: child.stop })

/** Starts bench/<script> on a free port. */
export const startServer = async (
  name: string,
  script: string,
  workDir: string,
  upstream?: string,
): Promise<Running> => {
  const port = await freePort()
  const file = join(import.meta.dirname, "..", script)
  const args = [file, String(port), ...(upstream === undefined ? [] : [upstream])]
  const child = await startChild({ name, command: process.execPath, args, workDir })
  const url = `http://127.0.0.1:${port}`
  await untilReady(child, url + requestPath)
  return running(child, url)
}

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of an installed program: the named variable, else PATH, else the system's sbin directories. */
export const findProgram = (program: string, variable: string): string => {
  const chosen = process.env[variable]
  if (chosen) return chosen
  const path = (process.env["PATH"] ?? "").split(delimiter)
  const found = [...path, "/usr/sbin", "/usr/local/sbin", "/usr/local/bin"]
    .map((directory) => join(directory, program))
    .find(isExecutable)
  if (found === undefined) throw new Unavailable(`${program} is not installed (or set ${variable})`)
  return found
}
