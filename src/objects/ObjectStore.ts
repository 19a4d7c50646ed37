import { Context, Data, type Effect, type Stream } from "effect"

export class ObjectStoreFailed extends Data.TaggedError("ObjectStoreFailed")<{
  /** A sentence that names the object. */
  readonly message: string
  readonly cause: unknown
}> {}

/**
 * Where exports and archives are kept: files, or a bucket of Google Cloud Storage (`OBJECT_STORE_LAYER`).
 *
 * Keys are segments of `[A-Za-z0-9._-]`, none of which begins with a dot, joined by slashes; any other key is a defect.
 */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /**
     * Stores all of the stream under the key, or nothing: an object is there whole, and lasts, once this succeeds; also
     * when the process is killed meanwhile. An object of that key is never replaced: that fails.
     */
    readonly write: <E>(
      key: string,
      content: Stream.Stream<Uint8Array, E>,
    ) => Effect.Effect<void, ObjectStoreFailed | E>
    /** Fails when there is no such object. */
    readonly read: (key: string) => Stream.Stream<Uint8Array, ObjectStoreFailed>
    /** For messages: where the object of a key is, such as a path or a `gs://` URL. */
    readonly locate: (key: string) => string
  }
>()("gateway/objects/ObjectStore") {}
