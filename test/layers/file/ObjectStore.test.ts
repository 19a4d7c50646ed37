import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as FileObjectStore from "../../../layers/file/ObjectStore.ts"
import { ObjectStore, ObjectStoreFailed } from "../../../src/objects/ObjectStore.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { until } from "../../Until.ts"
import { killed, printedOnFullDisk, startProgram } from "./Processes.ts"

const storeIn = (directory: string) =>
  Effect.map(Layer.build(FileObjectStore.layer(directory)), (context) => Context.get(context, ObjectStore))

const modeOf = (path: string) => statSync(path).mode & 0o777

/** The sizes of the files in a folder, by name; none while there is no folder. */
const sizesIn = (folder: string): ReadonlyMap<string, number> => {
  try {
    return new Map(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]))
  } catch {
    return new Map()
  }
}

describe("Objects in files", () => {
  it.live("are files of their keys' names that are this user's alone, and nothing else", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { locate, write } = yield* storeIn(join(folder, "objects"))
      yield* write("exports/a.jsonl", Stream.make(Buffer.from("one\n"), Buffer.from("two\n")))
      const path = locate("exports/a.jsonl")
      assert.strictEqual(path, join(folder, "objects/exports/a.jsonl"))
      assert.strictEqual(readFileSync(path, "utf8"), "one\ntwo\n")
      assert.deepStrictEqual(
        [path, join(folder, "objects"), join(folder, "objects/exports")].map(modeOf),
        [0o600, 0o700, 0o700],
      )
      assert.deepStrictEqual(readdirSync(join(folder, "objects/exports")), ["a.jsonl"])
    }),
  )

  it.live(
    "are not there when their writer was killed; what it leaves has no key, and the key stays free",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const writer = yield* startProgram("WriteObject.ts", [folder, "exports/a", "never"])
        yield* until(() => [...sizesIn(join(folder, "exports")).values()].includes(1024 * 1024))
        yield* killed(writer)
        assert.strictEqual(writer.signalCode, "SIGKILL")

        const { read, write } = yield* storeIn(folder)
        const failure = yield* Effect.flip(Stream.runDrain(read("exports/a")))
        assert.strictEqual(failure.message, `There is no object ${join(folder, "exports/a")}.`)
        const left = [...sizesIn(join(folder, "exports")).keys()]
        assert.lengthOf(left, 1)
        assert.match(left[0] ?? "", /^\.a\./)
        yield* write("exports/a", Stream.make(Buffer.from("again")))
        assert.strictEqual(readFileSync(join(folder, "exports/a"), "utf8"), "again")
      }),
  )

  it.live("are not there, nor anything else, where the disk is full", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const printed = yield* printedOnFullDisk(512, "WriteObject.ts", [folder, "exports/a", "end"])
      assert.match(printed, /^The object \S+\/exports\/a could not be stored: EFBIG: file too large, write\./)
      assert.deepStrictEqual([...sizesIn(join(folder, "exports"))], [])
    }),
  )

  it.live("cannot be stored where their directory cannot be, and that is said, until it can", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "objects")
      writeFileSync(folder, "in the way")
      const { read, write } = yield* storeIn(folder)
      const failure = yield* Effect.flip(write("exports/a", Stream.empty))
      assert.instanceOf(failure, ObjectStoreFailed)
      assert.match(
        failure.message,
        /^The object \S+\/exports\/a cannot be stored, because its directory cannot be made or written to: E\w+: .*\. OBJECT_STORE_DIR is \S+\/objects\.$/,
      )
      assert.match(
        (yield* Effect.flip(Stream.runDrain(read("exports/a")))).message,
        /could not be read: ENOTDIR/,
      )
      rmSync(folder)
      yield* write("exports/a", Stream.empty)
    }),
  )

  it.live("that are folders of other objects are none", () =>
    Effect.gen(function* () {
      const { read, write } = yield* storeIn(yield* temporaryFolder)
      yield* write("exports/a", Stream.empty)
      assert.match(
        (yield* Effect.flip(Stream.runDrain(read("exports")))).message,
        /could not be read: EISDIR/,
      )
    }),
  )
})
