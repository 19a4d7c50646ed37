import { Console, Effect, Stream } from "effect"
import * as FileObjectStore from "../../../layers/file/ObjectStore.ts"
import { ObjectStore } from "../../../src/objects/ObjectStore.ts"

// Writes a mebibyte to an object, and has more to write in an hour, or none with "end". Prints what comes of it.
const [directory = "", key = "", ending] = process.argv.slice(2)

const more = Stream.drain(Stream.fromEffect(Effect.sleep(ending === "end" ? 0 : "1 hour")))
const content = Stream.concat(Stream.make(new Uint8Array(1024 * 1024)), more)

await ObjectStore.use(({ write }) => write(key, content)).pipe(
  Effect.match({ onSuccess: () => "Written.", onFailure: ({ message }) => message }),
  Effect.flatMap(Console.log),
  Effect.provide(FileObjectStore.layer(directory)),
  Effect.runPromise,
)
