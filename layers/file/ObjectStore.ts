import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Layer, Stream } from "effect"
import { createReadStream } from "node:fs"
import { link } from "node:fs/promises"
import { join, resolve } from "node:path"
import { checkObjectKey } from "../../src/objects/ObjectKey.ts"
import { ObjectStore, ObjectStoreFailed } from "../../src/objects/ObjectStore.ts"
import { attempt, FileFailed, hasCode, writeWhole } from "./WholeFile.ts"

/** Files in a directory, which is made when the first is written. An object is a file of its key's name, one of no other. */
export const layer = (directory: string) =>
  Layer.sync(ObjectStore, () => {
    const root = resolve(directory)
    const locate = (key: string) => {
      checkObjectKey(key)
      return join(root, key)
    }
    return {
      locate,
      write: <E>(key: string, content: Stream.Stream<Uint8Array, E>) =>
        Effect.suspend(() => {
          const path = locate(key)
          return writeWhole(
            path,
            (file) =>
              Stream.runForEachArray(content, (chunks) =>
                attempt("file", () => file.appendFile(Buffer.concat(chunks))),
              ),
            link,
          ).pipe(
            Effect.mapError((error) => (error instanceof FileFailed ? notWritten(root, path, error) : error)),
          )
        }),
      read: (key) =>
        Stream.suspend(() => {
          const path = locate(key)
          return NodeStream.fromReadable({
            evaluate: () => createReadStream(path),
            onError: (cause) => notRead(path, cause),
          })
        }),
    }
  })

const notWritten = (root: string, path: string, error: FileFailed) => {
  const { cause, message, what } = error
  const problem =
    what === "directory"
      ? `The object ${path} cannot be stored, because its directory cannot be made or written to: ${message}. OBJECT_STORE_DIR is ${root}.`
      : hasCode(cause, "EEXIST")
        ? `The object ${path} exists already, and none is ever replaced.`
        : `The object ${path} could not be stored: ${message}.`
  return new ObjectStoreFailed({ message: problem, cause })
}

const notRead = (path: string, cause: unknown) =>
  new ObjectStoreFailed({
    message: hasCode(cause, "ENOENT")
      ? `There is no object ${path}.`
      : `The object ${path} could not be read: ${new FileFailed({ what: "file", cause }).message}.`,
    cause,
  })
