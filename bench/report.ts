/** What a run has found: as a table to read, and as JSON to keep. */
import { mkdirSync, writeFileSync } from "node:fs"
import { arch, cpus, release } from "node:os"
import { join } from "node:path"
import type { Options } from "./options.ts"
import { compare, medians, type Spread } from "./stats.ts"
import { describe, findings } from "./targets.ts"
import type { Sample } from "./types.ts"

export interface Run {
  readonly startedAt: Date
  /** Load average of the last minute before the run: how busy the machine was with other things. */
  readonly loadBefore: number
  readonly options: Options
  /** Rungs in ladder order. */
  readonly names: ReadonlyArray<string>
  /** Only from rungs that had no errors. */
  readonly samples: ReadonlyArray<Sample>
  /** Why a rung was not run, by name. */
  readonly skipped: ReadonlyMap<string, string>
  /** Why a rung's numbers are not used, by name. */
  readonly failed: ReadonlyMap<string, string>
}

/** A load average above this means that others were using the machine. */
const busy = 0.5

/** Every rung is compared with this one. */
export const reference = "node-undici"

const summarize = (run: Run) =>
  run.names.flatMap((name) => {
    const own = run.samples.filter((sample) => sample.rung === name)
    if (own.length === 0) return []
    return [{ name, ...medians(own), versusReference: compare(run.samples, name, reference) ?? null }]
  })

const range = (spread: Spread | undefined): string =>
  spread === undefined
    ? "-"
    : `${spread.median.toFixed(2)} (${spread.min.toFixed(2)}-${spread.max.toFixed(2)})`

const header = [
  "rung",
  "CPU us/req",
  `CPU x ${reference}`,
  "req/s",
  `time x ${reference}`,
  "p50 ms",
  "p99 ms",
  "cores",
  "RSS MiB",
]

const rows = (run: Run): ReadonlyArray<ReadonlyArray<string>> =>
  summarize(run).map((rung) => [
    rung.name,
    rung.cpuMicros.toFixed(1),
    range(rung.versusReference?.cpu),
    rung.requestsPerSecond.toFixed(0),
    range(rung.versusReference?.time),
    rung.p50Ms.toFixed(2),
    rung.p99Ms.toFixed(2),
    rung.cores.toFixed(2),
    rung.rssMib.toFixed(0),
  ])

const table = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const pad = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)
  return lines.map((line) => line.map(pad).join("  ")).join("\n")
}

/** The table, the rungs left out, and the targets. */
export const print = (run: Run): void => {
  const { rounds, seconds, connections } = run.options
  console.log(
    `\nMedians of ${rounds} rounds of ${seconds} s, ${connections} connections, ${cpus().length} CPUs`,
  )
  if (run.loadBefore > busy) {
    console.log(
      `The machine was busy before the run (load ${run.loadBefore.toFixed(1)}): trust the ratios only`,
    )
  }
  console.log("Ratios are taken within each round: median (min-max), lower is better\n")
  console.log(table([header, ...rows(run)]))
  console.log("")
  for (const [name, reason] of run.skipped) console.log(`${name}: skipped: ${reason}`)
  for (const [name, reason] of run.failed) console.log(`${name}: FAILED, not used: ${reason}`)
  for (const finding of findings(run.samples)) console.log(describe(finding))
}

const write = (file: string, value: unknown): void =>
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

/** Writes results/<ISO time>.json, with every sample, and results/latest.json, without. Returns the former. */
export const save = (run: Run): string => {
  const directory = join(import.meta.dirname, "results")
  mkdirSync(directory, { recursive: true })
  const summary = {
    startedAt: run.startedAt.toISOString(),
    options: run.options,
    machine: { cpu: cpus()[0]?.model, cpus: cpus().length, arch: arch(), kernel: release() },
    loadBefore: run.loadBefore,
    node: process.version,
    reference,
    rungs: summarize(run),
    targets: findings(run.samples),
    skipped: Object.fromEntries(run.skipped),
    failed: Object.fromEntries(run.failed),
  }
  const file = join(directory, `${summary.startedAt.replaceAll(":", "-")}.json`)
  write(file, { ...summary, samples: run.samples })
  write(join(directory, "latest.json"), summary)
  return file
}
