import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Layer, Option, Stream } from "effect"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { checkObjectKey } from "../../src/objects/ObjectKey.ts"
import { ObjectStore, ObjectStoreFailed } from "../../src/objects/ObjectStore.ts"
import { GoogleFailed, patience, silence } from "./GoogleFailed.ts"
import { upload } from "./Upload.ts"

/**
 * A bucket of Google Cloud Storage, with the machine's application default credentials; or of an emulator, without any.
 * Google's library is loaded when the first object is written or read.
 */
export const layerBucket = (name: string, endpoint: Option.Option<string>) => {
  const locate = (key: string) => {
    checkObjectKey(key)
    return `gs://${name}/${key}`
  }
  return Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      const library = yield* Effect.cached(
        Effect.promise(async () => {
          const { CRC32C, Storage } = await import("@google-cloud/storage")
          const storage = new Storage(Option.isSome(endpoint) ? { apiEndpoint: endpoint.value } : {})
          return { bucket: storage.bucket(name), CRC32C }
        }),
      )
      return ObjectStore.of({
        locate,
        write: (key, content) =>
          Effect.gen(function* () {
            const url = locate(key)
            const { bucket, CRC32C } = yield* library
            yield* Effect.mapError(upload(bucket.file(key), new CRC32C(), content), (error) =>
              error instanceof GoogleFailed ? notWritten(url, error) : error,
            )
          }),
        read: (key) =>
          Stream.unwrap(
            Effect.gen(function* () {
              const url = locate(key)
              const { bucket } = yield* library
              return NodeStream.fromReadable({
                evaluate: () => bucket.file(key).createReadStream(),
                onError: GoogleFailed.of,
              }).pipe(
                Stream.timeoutOrElse({ duration: patience, orElse: () => Stream.fail(silence) }),
                Stream.mapError((error) => notRead(url, error)),
              )
            }),
          ),
      })
    }),
  )
}

/** By `OBJECT_STORE_BUCKET` and `OBJECT_STORE_ENDPOINT`. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { bucket, endpoint } = (yield* GatewayConfig).objects
    if (Option.isSome(bucket)) return layerBucket(bucket.value, endpoint)
    return yield* ConfigFaults.of({
      variable: "OBJECT_STORE_BUCKET",
      problem: "It is not set, and OBJECT_STORE_LAYER=gcs needs a bucket.",
      fix: "Set OBJECT_STORE_BUCKET to the name of a bucket, or OBJECT_STORE_LAYER to fs.",
    })
  }),
)

const notWritten = (url: string, cause: GoogleFailed) =>
  new ObjectStoreFailed({
    message:
      cause.code === 412
        ? `The object ${url} exists already, and none is ever replaced.`
        : `The object ${url} could not be stored: ${cause.message}.`,
    cause,
  })

const notRead = (url: string, cause: GoogleFailed) =>
  new ObjectStoreFailed({
    message:
      cause.code === 404
        ? `There is no object ${url}.`
        : `The object ${url} could not be read: ${cause.message}.`,
    cause,
  })
