/** CPU time and memory of a process and its descendants, from Linux's /proc. */
import { readdirSync, readFileSync } from "node:fs"

const numbered = (directory: string): ReadonlyArray<number> => {
  try {
    return readdirSync(directory).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return "" // The process or thread ended between the listing and the reading.
  }
}

const parentOf = (pid: number): number => {
  const stat = read(`/proc/${pid}/stat`)
  // "pid (command) state parent ...", and the command may contain anything.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0)
}

/** Pids of the children of `pid`, their children, and so on. */
export const descendants = (pid: number): ReadonlyArray<number> => {
  const parents = numbered("/proc").map((child) => [child, parentOf(child)] as const)
  const below = (of: number): number[] =>
    parents.flatMap(([child, parent]) => (parent === of ? [child, ...below(child)] : []))
  return below(pid)
}

/** CPU time so far, nanoseconds, by thread id. */
export type CpuTimes = ReadonlyMap<number, number>

/** Reads the scheduler's own counter of each thread, which is exact, where `stat` counts 10 ms ticks. */
export const cpuTimes = (pid: number): CpuTimes => {
  const times = new Map<number, number>()
  for (const process of [pid, ...descendants(pid)]) {
    for (const thread of numbered(`/proc/${process}/task`)) {
      const nanos = Number(read(`/proc/${process}/task/${thread}/schedstat`).split(" ")[0])
      if (Number.isFinite(nanos)) times.set(thread, nanos)
    }
  }
  return times
}

/** Nanoseconds of CPU time spent between two readings. Threads that ended in between are not seen. */
export const cpuNanosBetween = (before: CpuTimes, after: CpuTimes): number => {
  let nanos = 0
  for (const [thread, time] of after) nanos += time - (before.get(thread) ?? 0)
  return nanos
}

/** Resident memory, MiB. */
export const rssMib = (pid: number): number => {
  let kib = 0
  for (const process of [pid, ...descendants(pid)]) {
    kib += Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${process}/status`))?.[1] ?? 0)
  }
  return kib / 1024
}
