/** `npm run bench`: a ladder of reverse proxies in one run, interleaved and paired. See README.md. */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join, relative } from "node:path"
import { killAll } from "./child.ts"
import { startLoad } from "./load-client.ts"
import { heat, measure } from "./measure.ts"
import { type Options, parseOptions, UsageError } from "./options.ts"
import { print, save } from "./report.ts"
import { rungs } from "./rungs/index.ts"
import { startServer } from "./rungs/server.ts"
import { type Rung, type RungContext, type Running, type Sample, Unavailable } from "./types.ts"
import { verify } from "./verify.ts"

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const rotate = <T>(items: ReadonlyArray<T>, by: number): ReadonlyArray<T> => {
  const start = items.length === 0 ? 0 : by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

/** What a run leaves running, to be stopped at its end. */
type Stops = Array<() => Promise<void>>

const bench = async (options: Options, workDir: string, stops: Stops): Promise<number> => {
  const startedAt = new Date()
  const loadBefore = loadavg()[0] ?? 0
  const chosen = rungs.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  const upstream = await startServer("upstream", "upstream.ts", workDir)
  stops.push(upstream.stop)
  const load = await startLoad(workDir)
  stops.push(load.stop)
  const context: RungContext = { upstream: upstream.url, workDir, useSource: options.source }

  const started = new Map<Rung, Running>()
  const skipped = new Map<string, string>()
  const failed = new Map<string, string>()
  const samples: Sample[] = []

  for (const rung of chosen) {
    try {
      const running = await rung.start(context)
      stops.push(running.stop)
      await verify(running.url, (await rung.headers?.()) ?? {})
      started.set(rung, running)
      console.log(`${rung.name}: ready${running.program === undefined ? "" : ` (${running.program})`}`)
    } catch (error) {
      const into = error instanceof Unavailable ? skipped : failed
      into.set(rung.name, messageOf(error))
      console.log(`${rung.name}: ${into === skipped ? "skipped" : "FAILED"}: ${messageOf(error)}`)
    }
  }

  const subjects = [...started].map(([rung, running]) => ({ rung, running, load, options }))
  for (const subject of subjects) {
    const errors = await heat(subject)
    if (errors > 0) failed.set(subject.rung.name, `${errors} errors while warming up`)
  }

  for (let round = 1; round <= options.rounds; round++) {
    for (const subject of rotate(subjects, round - 1)) {
      const { name } = subject.rung
      if (failed.has(name)) continue
      const sample = await measure(subject, round)
      console.log(
        `round ${round} ${name}: ${sample.requestsPerSecond.toFixed(0)} req/s, ` +
          `${sample.cpuMicros.toFixed(1)} CPU us/req, ${sample.errors} errors`,
      )
      if (sample.errors > 0) failed.set(name, `${sample.errors} errors in round ${round}`)
      samples.push(sample)
    }
  }

  const run = {
    startedAt,
    loadBefore,
    options,
    names: chosen.map(({ name }) => name),
    samples: samples.filter(({ rung }) => !failed.has(rung)),
    skipped,
    failed,
  }
  print(run)
  console.log(`\nSaved as ${relative(process.cwd(), save(run))}`)
  return failed.size === 0 ? 0 : 1
}

const main = async (): Promise<number> => {
  if (!existsSync("/proc/self/schedstat")) {
    throw new UsageError("the bench needs Linux, and a kernel with /proc/<pid>/schedstat")
  }
  const options = parseOptions(
    process.argv.slice(2),
    rungs.map(({ name }) => name),
  )
  const workDir = mkdtempSync(join(tmpdir(), "gateway-bench-"))
  // What is left after a signal or a crash is killed here.
  process.on("exit", () => {
    killAll()
    rmSync(workDir, { recursive: true, force: true })
  })
  process.on("SIGINT", () => process.exit(130))
  process.on("SIGTERM", () => process.exit(143))
  const stops: Stops = []
  try {
    return await bench(options, workDir, stops)
  } finally {
    await Promise.all(stops.map((stop) => stop()))
  }
}

try {
  process.exit(await main())
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error)
  process.exit(2)
}
