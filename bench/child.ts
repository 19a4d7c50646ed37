/** Child processes: started with a log file, found ready by polling, and always ended by their own pid. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { descendants } from "./proc.ts"

/** How long a child may take to answer its first request, milliseconds. */
const readyWithinMs = 20_000
/** How long a child may take to end after SIGTERM, milliseconds. */
const stopWithinMs = 3_000

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** The end of what the child wrote to stdout and stderr. */
  readonly logTail: () => string
  readonly stop: () => Promise<void>
}

export interface ChildSpec {
  readonly name: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Added to a minimal environment: what the caller has exported must not change a measurement. */
  readonly env?: Readonly<Record<string, string>>
  readonly workDir: string
  /** Opens a message channel to the child. */
  readonly ipc?: boolean
}

const alive = new Set<ChildProcess>()

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It is already gone.
  }
}

const killTree = (child: ChildProcess): void => {
  if (child.pid === undefined || hasEnded(child)) return
  for (const pid of [child.pid, ...descendants(child.pid)]) kill(pid)
}

/** Kills every child that is still alive, at once and synchronously: for signals and crashes. */
export const killAll = (): void => {
  for (const child of alive) killTree(child)
}

export const startChild = async (spec: ChildSpec): Promise<Child> => {
  const logFile = join(spec.workDir, `${spec.name}.log`)
  const log = openSync(logFile, "w")
  const child = spawn(spec.command, spec.args, {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...spec.env },
    stdio: spec.ipc === true ? ["ignore", log, log, "ipc"] : ["ignore", log, log],
  })
  closeSync(log)
  alive.add(child)
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => {
      alive.delete(child)
      resolve()
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve)
    child.once("error", reject)
  })
  return {
    process: child,
    // A process that has emitted "spawn" has a pid.
    pid: child.pid ?? -1,
    logTail: () => readFileSync(logFile, "utf8").trim().split("\n").slice(-12).join("\n"),
    stop: async () => {
      if (hasEnded(child)) return
      child.kill("SIGTERM")
      await Promise.race([gone, sleep(stopWithinMs, undefined, { ref: false })])
      killTree(child)
      await gone
    },
  }
}

/** Resolves when GET `url` is 200. Stops the child and throws with the end of its log otherwise. */
export const untilReady = async (child: Child, url: string): Promise<void> => {
  const deadline = performance.now() + readyWithinMs
  let last = "no answer"
  while (performance.now() < deadline && !hasEnded(child.process)) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
      await response.arrayBuffer()
      if (response.status === 200) return
      last = `status ${response.status}`
    } catch (error) {
      last = error instanceof Error ? String(error.cause ?? error) : String(error)
    }
    await sleep(50)
  }
  const how = hasEnded(child.process)
    ? `exited with ${child.process.exitCode ?? child.process.signalCode} before it was ready`
    : `GET ${url} was not 200 within ${readyWithinMs / 1000} s (${last})`
  await child.stop()
  throw new Error(`${how}\n${child.logTail()}`)
}

/** A TCP port of 127.0.0.1 that is free right now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no TCP address"))
        else resolve(address.port)
      })
    })
  })
