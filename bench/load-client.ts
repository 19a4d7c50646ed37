/** The bench's end of the load generator's message channel. */
import { join } from "node:path"
import { startChild } from "./child.ts"
import type { LoadJob, LoadResult } from "./load.ts"

export interface Load {
  /** Runs one job; jobs must not overlap. */
  readonly run: (job: LoadJob) => Promise<LoadResult>
  readonly stop: () => Promise<void>
}

export const startLoad = async (workDir: string): Promise<Load> => {
  const args = [join(import.meta.dirname, "load.ts")]
  const child = await startChild({ name: "load", command: process.execPath, args, workDir, ipc: true })
  return {
    stop: child.stop,
    run: (job) =>
      new Promise((resolve, reject) => {
        const onExit = () => reject(new Error(`the load generator ended\n${child.logTail()}`))
        child.process.once("exit", onExit)
        child.process.once("message", (message) => {
          child.process.off("exit", onExit)
          // as: the only sender is load.ts, which sends results.
          resolve(message as unknown as LoadResult)
        })
        child.process.send(job)
      }),
  }
}
