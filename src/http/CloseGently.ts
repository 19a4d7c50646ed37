import { Effect } from "effect"
import type { Duplex } from "node:stream"

/** How long a client may take to read its answer, before the end of its connection may become a reset. */
const grace = "500 millis"

/**
 * Ends our side of a connection, and takes the client's away once it has had its time to read. One that only our side
 * has ended lives for as long as its client likes: Node has no time limit for it, and a server that closes waits for it.
 */
export const closeGently = (socket: Duplex): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void)).end()
  }).pipe(Effect.timeoutOption(grace), Effect.andThen(Effect.sync(() => socket.destroy())))
