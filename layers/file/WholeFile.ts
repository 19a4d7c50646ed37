import { Data, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { type FileHandle, type link, mkdir, open, type rename, stat, unlink } from "node:fs/promises"
import { basename, dirname, join } from "node:path"

export class FileFailed extends Data.TaggedError("FileFailed")<{
  /** Whether the directory cannot be used at all, or this file cannot be written. */
  readonly what: "directory" | "file"
  readonly cause: unknown
}> {
  /** Such as `ENOSPC: no space left on device, write`. */
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

export const attempt = <A>(what: FileFailed["what"], operation: (signal: AbortSignal) => Promise<A>) =>
  Effect.tryPromise({ try: operation, catch: (cause) => new FileFailed({ what, cause }) })

/**
 * Has a file written that is there whole or not at all, also when the process is killed meanwhile, and that lasts once
 * this succeeds. What a killed process leaves behind has a name by `isUnfinished`. Directories are made as needed.
 *
 * @param path - absolute
 * @param place - gives the finished file its name: `rename` puts it in the place of one that is there, `link` fails then
 */
export const writeWhole = <E>(
  path: string,
  write: (file: FileHandle) => Effect.Effect<void, E>,
  place: typeof link | typeof rename,
): Effect.Effect<void, E | FileFailed> =>
  Effect.gen(function* () {
    const directory = dirname(path)
    const unfinished = join(directory, unfinishedName(path))
    yield* attempt("directory", () => makeDirectory(directory))
    yield* Effect.acquireUseRelease(
      attempt("directory", () => open(unfinished, "wx", 0o600)),
      (file) =>
        Effect.andThen(
          write(file),
          attempt("file", async () => {
            await file.sync()
            await place(unfinished, path)
          }),
        ),
      // Where it was placed by renaming, that name is gone already.
      (file) => Effect.promise(() => Promise.allSettled([file.close(), unlink(unfinished)])),
    )
    yield* attempt("file", () => syncDirectory(directory))
  })

const unfinishedName = (path: string) => `.${basename(path).slice(0, 200)}.${randomUUID()}`

/** Whether a file of this name is one that is being written, or was when its process was killed. */
export const isUnfinished = (name: string): boolean => /^\..+\.[0-9a-f-]{36}$/.test(name)

/** Makes it and what it is in, as needed, for this user alone. Node's own way never ends in a file system like /proc. */
export const makeDirectory = async (directory: string): Promise<void> => {
  if (!(await isMade(directory))) {
    if (dirname(directory) !== directory) await makeDirectory(dirname(directory))
    if (!(await isMade(directory))) throw new Error(`ENOENT: no such file or directory, mkdir '${directory}'`)
  }
}

/** False where there is nothing to make it in. */
const isMade = async (directory: string): Promise<boolean> => {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return false
    if (hasCode(cause, "EEXIST") && (await stat(directory)).isDirectory()) return true
    throw cause
  }
  // It lasts only once what it is in does.
  await syncDirectory(dirname(directory))
  return true
}

const syncDirectory = async (directory: string) => {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const hasCode = (cause: unknown, code: string): boolean =>
  cause instanceof Error && "code" in cause && cause.code === code
