import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import * as GcpObjectStore from "../../../layers/gcp/ObjectStore.ts"
import { ObjectStore, ObjectStoreFailed } from "../../../src/objects/ObjectStore.ts"
import { describeLive } from "../../Live.ts"
import { until } from "../../Until.ts"
import { type Fault, startFaultyRelay } from "./FaultyRelay.ts"
import { ownBucket } from "./OwnBucket.ts"

const storeAt = (bucket: string, url: string) =>
  Effect.map(Layer.build(GcpObjectStore.layerBucket(bucket, Option.some(url))), (context) =>
    Context.get(context, ObjectStore),
  )

const readBack = ({ read }: ObjectStore["Service"]) =>
  Effect.map(Stream.runCollect(read("a")), (chunks) => Buffer.concat(chunks))

/** Two pieces. */
const content = randomBytes(8_400_000)
const isBeginning = ({ method }: IncomingMessage) => method === "POST"
const isPiece = (start: number) => (request: IncomingMessage) =>
  request.method === "PUT" && request.headers["content-range"]?.startsWith(`bytes ${start}-`) === true
const pieces = [0, 8_388_608].map(isPiece)
const isReading = ({ method }: IncomingMessage) => method === "GET"

await describeLive("Google Cloud Storage", "TEST_GCS_URL", (url) => {
  /** A store at which the first such request meets the fault. */
  const storeWith = (fault: Fault, isMeant: (request: IncomingMessage) => boolean) =>
    Effect.gen(function* () {
      let met = false
      const relay = yield* startFaultyRelay(url, (request) => {
        if (met || !isMeant(request)) return undefined
        met = true
        return fault
      })
      const store = yield* storeAt(yield* ownBucket(url), relay)
      return { store, hasMet: () => met }
    })

  const passing: ReadonlyArray<readonly [Fault, ReadonlyArray<(request: IncomingMessage) => boolean>]> = [
    ["refused", [isBeginning, ...pieces]],
    ["answer-lost", pieces],
    ["halved", pieces],
  ]
  for (const [fault, requests] of passing)
    it.live(`is sent again what it did not take (${fault}), and has the object as it was written`, () =>
      Effect.gen(function* () {
        for (const isMeant of requests) {
          const { hasMet, store } = yield* storeWith(fault, isMeant)
          yield* store.write("a", Stream.make(content))
          assert.isTrue(hasMet())
          assert.isTrue(content.equals(yield* readBack(store)))
        }
      }),
    )

  it.live("that has the object before its upload begins fails the write, without a byte of it", () =>
    Effect.gen(function* () {
      const { store } = yield* storeWith("taken", isBeginning)
      let isTaken = false
      const untaken = Stream.sync(() => (isTaken = true)).pipe(Stream.map(() => content))
      const failure = yield* Effect.flip(store.write("a", untaken))
      assert.match(failure.message, /\/a exists already, and none is ever replaced\.$/)
      assert.isFalse(isTaken)
    }),
  )

  it.live("that takes something else than was sent fails the write", () =>
    Effect.gen(function* () {
      for (const isMeant of pieces) {
        const { store } = yield* storeWith("changed", isMeant)
        const failure = yield* Effect.flip(store.write("a", Stream.make(content)))
        assert.match(failure.message, /\/a could not be stored: What arrived is not what was sent\.$/)
      }
    }),
  )

  for (const fault of ["answer-cut", "answer-changed"] as const)
    it.live(`that gives something else than was stored (${fault}) fails the read`, () =>
      Effect.gen(function* () {
        const { store } = yield* storeWith(fault, isReading)
        yield* store.write("a", Stream.make(content))
        const failure = yield* Effect.flip(readBack(store))
        assert.instanceOf(failure, ObjectStoreFailed)
        assert.include(failure.message, "/a could not be read: ")
      }),
    )

  it.live("without the bucket fails the write, and says so", () =>
    Effect.gen(function* () {
      const store = yield* storeAt("nobody-made-this", url)
      const failure = yield* Effect.flip(store.write("a", Stream.make(content)))
      assert.match(
        failure.message,
        /^The object gs:\/\/nobody-made-this\/a could not be stored: Not Found\.$/,
      )
    }),
  )

  it.effect("that never answers is given up after a minute", () =>
    Effect.gen(function* () {
      for (const isMeant of [isBeginning, ...pieces, isReading]) {
        const { hasMet, store } = yield* storeWith("silent", isMeant)
        const trying = Effect.andThen(store.write("a", Stream.make(content)), readBack(store))
        const fiber = yield* Effect.forkChild(Effect.flip(trying))
        yield* until(hasMet)
        yield* TestClock.adjust("1 minute")
        assert.match((yield* Fiber.join(fiber)).message, /\/a could not be .*: Nothing came for 1 minute\.$/)
      }
    }),
  )
})

describe("Google Cloud Storage that is not there", () => {
  it.live("fails the write at once", () =>
    Effect.gen(function* () {
      const store = yield* storeAt("any", "http://127.0.0.1:1")
      const failure = yield* Effect.flip(store.write("a", Stream.make(content)))
      assert.match(failure.message, /^The object gs:\/\/any\/a could not be stored: .*ECONNREFUSED/)
    }),
  )
})
