/**
 * Answers every request itself. Used twice: as the shared upstream, and as the `node-http` rung.
 * Usage: node upstream.ts <port>
 */
import { createServer } from "node:http"
import { writeAnswer } from "./answer.ts"

const server = createServer((request, response) => {
  request.resume()
  writeAnswer(response)
})
// Longer than a whole run, so that no pool meets a connection the upstream has just closed.
server.keepAliveTimeout = 3_600_000
server.listen(Number(process.argv[2]), "127.0.0.1")
