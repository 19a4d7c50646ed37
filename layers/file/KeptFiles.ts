import { Effect } from "effect"
import { lstat, readdir, rename, unlink, utimes } from "node:fs/promises"
import { join } from "node:path"
import type { KnownFlags } from "../../src/flags/KeptFlags.ts"
import { readKnown, writeKnown } from "./KeptFormat.ts"
import { attempt, type FileFailed, hasCode, isUnfinished, writeWhole } from "./WholeFile.ts"

/** Flags of one revision; the file's name says which, and its time of change when the database last confirmed them. */
export interface KeptFile {
  readonly revision: number
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number
}

const nameOf = (revision: number) => `flags-${revision}.jsonl`
const pathOf = (directory: string, revision: number) => join(directory, nameOf(revision))

/** Those that there are, the one that was confirmed last first: a database that was restored counts anew. */
export const listKept = async (directory: string): Promise<ReadonlyArray<KeptFile>> => {
  const files: Array<KeptFile> = []
  for (const name of await readdir(directory)) {
    const revision = Number(/^flags-(\d+)\.jsonl$/.exec(name)?.[1])
    if (nameOf(revision) !== name) continue
    const confirmedAt = await changedAt(join(directory, name))
    // Another process has just put one in its place, which may not be among the names.
    if (confirmedAt === undefined) return listKept(directory)
    files.push({ revision, confirmedAt })
  }
  return files.toSorted((a, b) => b.confirmedAt - a.confirmedAt || b.revision - a.revision)
}

/** Rejects where it is not what its name says. */
export const readKept = async (directory: string, revision: number): Promise<KnownFlags> => {
  const known = await readKnown(pathOf(directory, revision))
  if (known.revision !== revision) throw new Error(`It is of revision ${known.revision}.`)
  return known
}

/** Then those are gone that it takes the place of. */
export const writeKept = (
  directory: string,
  known: KnownFlags,
  confirmedAt: number,
): Effect.Effect<void, FileFailed> =>
  writeWhole(
    pathOf(directory, known.revision),
    (file) =>
      attempt("file", async (signal) => {
        await writeKnown(file, known, signal)
        await file.utimes(confirmedAt / 1000, confirmedAt / 1000)
      }),
    rename,
  ).pipe(Effect.andThen(attempt("file", () => removeOthers(directory, known.revision, confirmedAt))))

/** False where there is no such file any more. */
export const confirmKept = async (
  directory: string,
  revision: number,
  confirmedAt: number,
): Promise<boolean> => {
  try {
    await utimes(pathOf(directory, revision), confirmedAt / 1000, confirmedAt / 1000)
    return true
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return false
    throw cause
  }
}

/** A process beside this one that knows a later revision confirms it more often. */
const unconfirmedMillis = 10_000
/** A file that is being written was changed since. */
const abandonedMillis = 600_000

const removeOthers = async (directory: string, revision: number, confirmedAt: number) => {
  for (const other of await listKept(directory)) {
    const isEarlier = other.revision < revision
    const isOutdated = other.revision > revision && other.confirmedAt < confirmedAt - unconfirmedMillis
    if (isEarlier || isOutdated) await remove(pathOf(directory, other.revision))
  }
  for (const name of await readdir(directory)) {
    if (!name.startsWith(".flags-") || !isUnfinished(name)) continue
    const path = join(directory, name)
    const changed = await changedAt(path)
    if (changed !== undefined && changed < confirmedAt - abandonedMillis) await remove(path)
  }
}

/** In milliseconds since the epoch; undefined where there is no such name any more. */
const changedAt = (path: string): Promise<number | undefined> =>
  lstat(path).then(
    ({ mtimeMs }) => Math.round(mtimeMs),
    (cause: unknown) => {
      if (hasCode(cause, "ENOENT")) return undefined
      throw cause
    },
  )

const remove = (path: string): Promise<void> =>
  unlink(path).catch((cause: unknown) => {
    if (!hasCode(cause, "ENOENT")) throw cause
  })
