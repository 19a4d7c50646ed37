// Whether there are tests here depends on the machine; that is what this file is for.
/* oxlint-disable vitest/no-conditional-tests, vitest/no-standalone-expect, vitest/valid-title */
import { assert, describe, it } from "@effect/vitest"
import { connect } from "node:net"

/**
 * A suite against a real server. The variable holds its URL, or several with commas between; `.ci/services env`
 * prints them all.
 *
 * The suite runs when the variable is set and every server accepts a connection. With `TEST_LIVE=1` a missing
 * server is a failing test; without it the suite does not run, and the report shows that.
 */
export const describeLive = async (
  name: string,
  variable: string,
  suite: (url: string) => void,
): Promise<void> => {
  const url = process.env[variable]
  const missing = url === undefined || url === "" ? `${variable} is not set.` : await unreachable(url)
  if (missing === undefined) {
    describe(name, () => {
      suite(url ?? "")
    })
    return
  }
  const wanted = process.env["TEST_LIVE"] === "1"
  it.runIf(wanted)(`${name}: ${variable} names a server that is there`, () => assert.fail(missing))
}

const unreachable = async (urls: string): Promise<string | undefined> => {
  const reached = await Promise.all(urls.split(",").map(accepts))
  return reached.every(Boolean) ? undefined : "Its server does not accept connections."
}

const defaultPorts: Readonly<Record<string, number>> = {
  "redis:": 6379,
  "postgres:": 5432,
  "postgresql:": 5432,
  "https:": 443,
}

const accepts = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port, protocol } = new URL(url)
    const socket = connect({
      host: hostname,
      port: port === "" ? (defaultPorts[protocol] ?? 80) : Number(port),
      timeout: 2000,
    })
    const answer = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket
      .once("connect", () => answer(true))
      .once("timeout", () => answer(false))
      .once("error", () => answer(false))
  })
