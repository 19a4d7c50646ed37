import type { CRC32C, File } from "@google-cloud/storage"
import { Effect, Schedule, Stream } from "effect"
import { asked, GoogleFailed } from "./GoogleFailed.ts"

/** An object is sent in pieces of this many bytes, as Google recommends. */
const pieceSize = 8 * 1024 * 1024
/** Between the tries to send one piece. */
const pauses = Schedule.upTo(Schedule.exponential("1 second"), { times: 3 })

/**
 * Stores an object that is not there yet. Nothing is stored before the last piece has arrived, and that one is sent
 * only when the content has ended.
 *
 * Google's library begins the upload, and this sends the pieces: the library's own streams can end the process when an
 * upload fails, and leave its connection open when the content does (docs/decisions/0017-object-store.md).
 *
 * @param checksum - a new one
 */
export const upload = <E>(
  file: File,
  checksum: CRC32C,
  content: Stream.Stream<Uint8Array, E>,
): Effect.Effect<void, E | GoogleFailed> =>
  Effect.gen(function* () {
    const [session] = yield* asked(() =>
      file.createResumableUpload({
        preconditionOpts: { ifGenerationMatch: 0 },
        metadata: { contentType: "application/octet-stream" },
      }),
    )
    let held: Array<Uint8Array> = []
    let [heldSize, at] = [0, 0]
    yield* Stream.runForEachArray(
      content,
      Effect.fnUntraced(function* (chunks) {
        for (const chunk of chunks) {
          held.push(chunk)
          heldSize += chunk.length
        }
        for (; heldSize > pieceSize; heldSize -= pieceSize, at += pieceSize) {
          const bytes = Buffer.concat(held)
          const piece = bytes.subarray(0, pieceSize)
          checksum.update(piece)
          yield* send({ session, piece, at })
          held = [bytes.subarray(pieceSize)]
        }
      }),
    )
    const piece = Buffer.concat(held)
    checksum.update(piece)
    yield* send({ session, piece, at, checksum })
  })

interface Piece {
  /** The address to send to; it takes no credentials. */
  readonly session: string
  readonly piece: Buffer<ArrayBuffer>
  /** How many bytes of the object come before it. */
  readonly at: number
  /** Of the whole object, with its last piece. */
  readonly checksum?: CRC32C
}

/** Until it has arrived. What Google has of it already, it passes over; and it answers the last piece as before. */
const send = Effect.fnUntraced(function* ({ session, piece, at, checksum }: Piece) {
  const end = at + piece.length
  let from = at
  for (;;) {
    const rest = piece.subarray(from - at)
    const range = rest.length === 0 ? "*" : `${from}-${end - 1}`
    const headers =
      checksum === undefined
        ? { "content-range": `bytes ${range}/*` }
        : { "content-range": `bytes ${range}/${end}`, "x-goog-hash": `crc32c=${checksum.toString()}` }
    const answer = yield* put(session, headers, rest)
    if (answer._tag === "stored") {
      if (checksum?.toString() === answer.checksum) return
      return yield* GoogleFailed.of(new Error("What arrived is not what was sent"))
    }
    if (checksum === undefined && answer.size === end) return
    if (answer.size <= from || answer.size > end)
      return yield* GoogleFailed.of(new Error(`It has ${answer.size} bytes of ${end} and does not go on`))
    from = answer.size
  }
})

/** `arrived`: more is to come. `size` is that of all that arrived so far. */
type Answer =
  | { readonly _tag: "arrived"; readonly size: number }
  | { readonly _tag: "stored"; readonly checksum: string }

const put = (session: string, headers: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) =>
  asked(async (signal): Promise<Answer> => {
    const answer = await fetch(session, { method: "PUT", headers, body, redirect: "manual", signal })
    const text = await answer.text()
    if (answer.ok) return { _tag: "stored", checksum: JSON.parse(text).crc32c }
    if (answer.status === 308) {
      const [last = "-1"] = /\d+$/.exec(answer.headers.get("range") ?? "") ?? []
      return { _tag: "arrived", size: Number(last) + 1 }
    }
    throw Object.assign(new Error(`${answer.status} ${answer.statusText} ${text.slice(0, 200)}`.trim()), {
      code: answer.status,
    })
  }).pipe(Effect.retry({ schedule: pauses, while: isPassing }))

/** Whether the same can go well soon: an error of the network has a code that is text. */
const isPassing = ({ code }: GoogleFailed) =>
  typeof code === "string" || [408, 429, 500, 502, 503, 504].some((status) => status === code)
