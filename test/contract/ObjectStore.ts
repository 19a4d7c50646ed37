import { assert, describe, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, type Layer, Stream } from "effect"
import { randomBytes, randomUUID } from "node:crypto"
import { ObjectStore, ObjectStoreFailed } from "../../src/objects/ObjectStore.ts"
import { until } from "../Until.ts"

/** A key that no other test knows. */
const anyKey = Effect.sync(() => `exports/${randomUUID()}.jsonl`)

/** In chunks of a size that divides nothing, each of which comes by itself. */
const inChunks = (bytes: Uint8Array, size = 65_537) =>
  Stream.fromIterable(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    })(),
  ).pipe(Stream.rechunk(1))

const written = (key: string, bytes: Uint8Array) =>
  ObjectStore.use(({ write }) => write(key, Stream.make(bytes)))

const readBack = (key: string) =>
  ObjectStore.use(({ read }) => Effect.map(Stream.runCollect(read(key)), (chunks) => Buffer.concat(chunks)))

/** Why it fails; the message names the object. */
const failureOf = (key: string, effect: Effect.Effect<unknown, unknown, ObjectStore>) =>
  Effect.gen(function* () {
    const failure = yield* Effect.flip(effect)
    assert.instanceOf(failure, ObjectStoreFailed)
    assert.include(failure.message, (yield* ObjectStore).locate(key))
    return failure.message
  })

const isMissing = (key: string) =>
  Effect.map(failureOf(key, readBack(key)), (message) => assert.match(message, /^There is no object \S+\.$/))

/** The contract of `ObjectStore`, which every layer of it passes. */
export const objectStoreContract = <E>(world: Layer.Layer<ObjectStore, E>): void => {
  layer(world)("keep their contract", (it) => {
    describe("an object", () => {
      for (const size of [0, 1, 65_536, 8 * 1024 * 1024, 17_000_003])
        it.effect(`of ${size} bytes is read as it was written`, () =>
          Effect.gen(function* () {
            const { write } = yield* ObjectStore
            const [key, bytes] = [yield* anyKey, randomBytes(size)]
            yield* write(key, inChunks(bytes))
            assert.isTrue((yield* readBack(key)).equals(bytes))
          }),
        )

      it.effect("that came without a single chunk is empty", () =>
        Effect.gen(function* () {
          const { write } = yield* ObjectStore
          const key = yield* anyKey
          yield* write(key, Stream.empty)
          assert.lengthOf(yield* readBack(key), 0)
        }),
      )

      it.effect("is never replaced: a second write of its key fails, whatever its size", () =>
        Effect.gen(function* () {
          const { write } = yield* ObjectStore
          const key = yield* anyKey
          yield* written(key, Buffer.from("first"))
          for (const size of [6, 9_000_000]) {
            const message = yield* failureOf(key, write(key, inChunks(randomBytes(size))))
            assert.match(message, /exists already, and none is ever replaced\.$/)
            assert.strictEqual(String(yield* readBack(key)), "first")
          }
        }),
      )

      it.effect("that many write at once is that of one, and the others fail", () =>
        Effect.gen(function* () {
          for (const size of [100_000, 9_000_000]) {
            const { write } = yield* ObjectStore
            const key = yield* anyKey
            const contents = Array.from({ length: 4 }, () => randomBytes(size))
            const exits = yield* Effect.forEach(
              contents,
              (bytes) => Effect.exit(write(key, inChunks(bytes))),
              { concurrency: "unbounded" },
            )
            const winners = contents.filter((_, i) => exits[i] !== undefined && Exit.isSuccess(exits[i]))
            assert.lengthOf(winners, 1)
            assert.isTrue(winners[0]?.equals(yield* readBack(key)))
          }
        }),
      )

      it.effect("that nobody wrote is missing", () => Effect.flatMap(anyKey, isMissing))
    })

    describe("nothing is stored", () => {
      for (const size of [0, 10, 9_000_000])
        it.effect(`when the content fails after ${size} bytes, with its own error; the key stays free`, () =>
          Effect.gen(function* () {
            const { write } = yield* ObjectStore
            const key = yield* anyKey
            const content = Stream.concat(inChunks(randomBytes(size)), Stream.fail("no more" as const))
            assert.strictEqual(yield* Effect.flip(write(key, content)), "no more")
            yield* isMissing(key)
            yield* written(key, Buffer.from("second try"))
            assert.strictEqual(String(yield* readBack(key)), "second try")
          }),
        )

      it.effect("when the write is interrupted", () =>
        Effect.gen(function* () {
          const { write } = yield* ObjectStore
          const key = yield* anyKey
          let taken = false
          const content = Stream.concat(
            inChunks(randomBytes(9_000_000)),
            Stream.suspend(() => {
              taken = true
              return Stream.never
            }),
          )
          const writing = yield* Effect.forkChild(write(key, content))
          yield* until(() => taken)
          yield* isMissing(key)
          yield* Fiber.interrupt(writing)
          yield* isMissing(key)
        }),
      )
    })

    describe("a key", () => {
      it.effect("has folders, and keys beside it", () =>
        Effect.gen(function* () {
          const folder = randomUUID()
          const keys = [`${folder}/a/b/c.jsonl`, `${folder}/a/b.jsonl`, `${folder}/a/b/D-_.9`, `${folder}x`]
          for (const key of keys) yield* written(key, Buffer.from(key))
          for (const key of keys) assert.strictEqual(String(yield* readBack(key)), key)
          yield* isMissing(`${folder}/a/b/c`)
        }),
      )

      it.effect("that is none is a defect, and reaches nothing", () =>
        Effect.gen(function* () {
          const { locate, read, write } = yield* ObjectStore
          const none = [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/..",
            ".a",
            "a/.b",
            "a\\b",
          ]
          for (const key of [...none, "a b", "a\n", "a\0", "é", "a%2e", "C:", "a?b", "a#b"]) {
            assert.throws(() => locate(key), /is not a key of an object/)
            for (const use of [write(key, Stream.empty), Stream.runDrain(read(key))]) {
              const exit = yield* Effect.exit(use)
              assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause), JSON.stringify(key))
            }
          }
        }),
      )
    })
  })
}
