import { Effect } from "effect"
import { type AddressInfo, createServer } from "node:net"

/** A port of 127.0.0.1 that was free a moment ago, for what may not choose one itself. */
export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    // A server that listens on a port has an AddressInfo.
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})
