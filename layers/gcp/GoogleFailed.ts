import { Data, Effect } from "effect"

/** Why Google did not do what it was asked. */
export class GoogleFailed extends Data.TaggedError("GoogleFailed")<{
  /** The status of its answer, or the code of an error of the network. */
  readonly code: unknown
  /** A sentence without its full stop. */
  readonly message: string
  readonly cause: unknown
}> {
  /** Of what `fetch` or Google's library fails with: errors, and what Google says of one, which is an object like it. */
  static readonly of = (cause: unknown): GoogleFailed => {
    const behind = fieldOf(cause, "cause")
    const said = new Set([fieldOf(cause, "message"), fieldOf(behind, "message")].filter(isText))
    return new GoogleFailed({
      code: fieldOf(cause, "code") ?? fieldOf(behind, "code"),
      message: said.size === 0 ? String(cause) : [...said].join(": ").replace(/\.$/, ""),
      cause,
    })
  }
}

const fieldOf = (from: unknown, name: "cause" | "code" | "message"): unknown =>
  typeof from === "object" && from !== null ? Reflect.get(from, name) : undefined

const isText = (value: unknown) => typeof value === "string" && value !== ""

/** How long one answer, or the next bytes, are waited for. */
export const patience = "1 minute"
export const silence = GoogleFailed.of(new Error(`Nothing came for ${patience}`))

/** What it is asked with is told when nobody waits any more. */
export const asked = <A>(question: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, GoogleFailed> =>
  Effect.tryPromise({ try: question, catch: GoogleFailed.of }).pipe(
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(silence) }),
  )
