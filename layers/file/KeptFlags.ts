import { Clock, Effect, Fiber, Layer, Metric, Option, Result, Semaphore } from "effect"
import { randomUUID } from "node:crypto"
import { open, unlink } from "node:fs/promises"
import { join, resolve } from "node:path"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { KeptFlags, type KnownFlags } from "../../src/flags/KeptFlags.ts"
import { monotonicMillis } from "../../src/primitives/MonotonicTime.ts"
import { confirmKept, listKept, readKept, writeKept } from "./KeptFiles.ts"
import { attempt, type FileFailed, hasCode, makeDirectory } from "./WholeFile.ts"

const unkept = Metric.counter("gateway_flags_unkept_total", {
  description: "Times that the last known flags could not be kept on this machine",
  incremental: true,
})

/** How long who has something to keep waits for the disk; it is kept behind their back then. */
const patience = "5 seconds"
/** After a failure nothing is written for so long: a hundred thousand rows every second would be a burden. */
const pauseMillis = 10_000

interface Kept {
  readonly known: KnownFlags
  readonly confirmedAt: number
}

/** In files of a directory. The start fails where nothing can be kept in it: in an outage it is too late to find out. */
export const layerDirectory = (directory: string) =>
  Layer.effect(
    KeptFlags,
    Effect.gen(function* () {
      const root = resolve(directory)
      yield* usable(root)
      const scope = yield* Effect.scope
      const clock = yield* Clock.Clock
      const report = reportTransitions(root)
      const one = Semaphore.makeUnsafe(1)
      let wanted: Kept | undefined
      let done: Kept | undefined
      let written: KnownFlags | undefined
      let notBefore = 0

      const isConfirmed = ({ known, confirmedAt }: Kept) =>
        attempt("file", async () => {
          if (known !== written) return false
          if (await confirmKept(root, known.revision, confirmedAt)) return true
          // A process beside this one knows more, and has put its own in the place of these.
          return (await listKept(root)).some(({ revision }) => revision > known.revision)
        })
      const keep = Effect.fnUntraced(function* (kept: Kept) {
        if (!(yield* isConfirmed(kept))) {
          const now = monotonicMillis(clock)
          if (now < notBefore) return
          notBefore = now + pauseMillis
          yield* writeKept(root, kept.known, kept.confirmedAt)
          written = kept.known
          notBefore = 0
        }
        yield* report.kept
      })
      const keepWanted: Effect.Effect<void> = Effect.suspend(() => {
        if (wanted === undefined || wanted === done) return Effect.void
        done = wanted
        return keep(done).pipe(Effect.catch(report.failed), Effect.andThen(keepWanted))
      })
      /** Where something is being kept, this comes after it, and is not waited for. */
      const want = (next: Kept) =>
        Effect.suspend(() => {
          wanted = next
          return Effect.forkIn(one.withPermitsIfAvailable(1)(keepWanted), scope)
        }).pipe(Effect.flatMap(Fiber.await), Effect.timeoutOption(patience), Effect.asVoid)

      return KeptFlags.of({
        load: Effect.tap(load(root), (loaded) =>
          Effect.sync(() => {
            if (Option.isNone(loaded) || wanted !== undefined) return
            wanted = done = loaded.value
            written = loaded.value.known
          }),
        ),
        save: (known, confirmedAt) => want({ known, confirmedAt }),
        confirm: (confirmedAt) =>
          Effect.suspend(() =>
            wanted === undefined ? Effect.void : want({ known: wanted.known, confirmedAt }),
          ),
      })
    }),
  )

/** By `STATE_DIR`. */
export const layer = Layer.unwrap(Effect.map(GatewayConfig, ({ state }) => layerDirectory(state.directory)))

const usable = (directory: string) =>
  attempt("directory", async () => {
    await makeDirectory(directory)
    const trial = join(directory, `.trial-${randomUUID()}`)
    await (await open(trial, "wx", 0o600)).close()
    await unlink(trial)
  }).pipe(
    Effect.mapError(({ message }) =>
      ConfigFaults.of({
        variable: "STATE_DIR",
        problem: `The directory ${directory} cannot be made or written to: ${message}.`,
        fix: "Let the user that the gateway runs as own it, or name another.",
      }),
    ),
  )

/** Those that were confirmed last and are as they were written. Looks again where they are gone when it comes to them. */
const load = (directory: string, looks = 10): Effect.Effect<Option.Option<Kept>> =>
  Effect.gen(function* () {
    for (const { revision, confirmedAt } of yield* attempt("directory", () => listKept(directory))) {
      const read = yield* Effect.result(attempt("file", () => readKept(directory, revision)))
      if (Result.isSuccess(read)) return Option.some({ known: read.success, confirmedAt })
      const { cause, message } = read.failure
      if (hasCode(cause, "ENOENT") && looks > 1) return yield* load(directory, looks - 1)
      const reason = message.replaceAll(/\s+/g, " ")
      yield* Effect.logWarning(
        `The flags kept in ${directory} as revision ${revision} cannot be used: ${reason}`,
      )
    }
    return Option.none()
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning(`No flags can be read in ${directory}: ${message}.`), Option.none()),
    ),
  )

/** Logs when flags begin to be kept no more, and when they are again; a line for each try would drown both. */
const reportTransitions = (directory: string) => {
  let isKept = true
  return {
    kept: Effect.suspend(() => {
      if (isKept) return Effect.void
      isKept = true
      return Effect.logInfo(`The flags are kept in ${directory} again.`)
    }),
    failed: ({ message }: FileFailed) =>
      Effect.andThen(
        Metric.update(unkept, 1),
        Effect.suspend(() => {
          if (!isKept) return Effect.void
          isKept = false
          return Effect.logWarning(
            `The flags cannot be kept in ${directory}: ${message}. They hold all the same, but a start while PostgreSQL is away would know older ones, or none.`,
          )
        }),
      ),
  }
}
