import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { freePort } from "../FreePort.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { commandLine } from "./CommandLine.ts"

/** The environment in which the gateway runs, as far as a command needs it. */
const besides = ({ port }: GatewayUnderTest) => ({
  PORT: String(port),
  JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
})

/**
 * A customer asks for something that a Governor has to approve; gives the approval's id. The embedded PostgreSQL takes
 * seconds to start, and on a busy machine longer than one request waits for it.
 */
const asked = Effect.fnUntraced(function* (under: GatewayUnderTest, agent: string) {
  const headers = { authorization: `Bearer ${yield* under.token("CP")}` }
  const { json } = yield* under
    .send({ method: "DELETE", path: `/cp/api/v1/agents/${agent}`, headers })
    .pipe(Effect.repeat({ while: ({ status }) => status === 503 }))
  return String(json()["request_id"])
})

describe("gateway approvals", { timeout: 120_000 }, () => {
  it.live("lists, approves and denies what a running gateway holds", () =>
    Effect.gen(function* () {
      const under = yield* startGateway()
      const env = besides(under)
      const [one, two] = [yield* asked(under, "agent-7"), yield* asked(under, "agent-8")]
      const table = yield* commandLine(["approvals", "list"], env)
      assert.match(table.out, /^ID +STATUS +ACTION +CUSTOMER +RESOURCE +REQUESTED BY +REQUESTED +EXPIRES$/m)
      assert.match(
        table.out,
        new RegExp(`^${one}  pending  agent.delete  customer-1  /api/v1/agents/agent-7 `, "m"),
      )

      const approved = yield* commandLine(["approvals", "approve", one, "--reason", "Agreed by phone."], env)
      assert.deepStrictEqual(approved, {
        code: 0,
        out: `${one} is approved: agent.delete of /api/v1/agents/agent-7 by customer-1.`,
        err: "",
      })
      const denied = yield* commandLine(
        ["approvals", "deny", two, "--reason", "Still in use.", "--json"],
        env,
      )
      assert.strictEqual(denied.code, 0)
      assert.deepInclude(JSON.parse(denied.out), {
        id: two,
        status: "denied",
        decided_by: "gateway-cli",
        decision_reason: "Still in use.",
      })
      assert.deepStrictEqual(yield* commandLine(["approvals", "list", "--status", "pending"], env), {
        code: 0,
        out: "There is no such approval.",
        err: "",
      })
      const last = yield* commandLine(["approvals", "list", "--limit", "1", "--json"], env)
      assert.deepStrictEqual(
        JSON.parse(last.out).approvals.map(({ id }: { readonly id: string }) => id),
        [two],
      )

      const again = yield* commandLine(["approvals", "deny", one, "--reason", "Changed my mind."], env)
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.match(again.err, /^Conflict: This approval was decided already\./)
    }),
  )

  it.live("ends with exit code 1 and the gateway's own words when it is refused", () =>
    Effect.gen(function* () {
      const under = yield* startGateway()
      const viewer = yield* under.token("PP", { roles: ["viewer"] })
      const { code, out, err } = yield* commandLine(["approvals", "list", "--token", viewer], besides(under))
      assert.deepStrictEqual([code, out], [1, ""])
      assert.strictEqual(err, "Permission Denied: This needs the role admin.")
    }),
  )

  it.live.each([
    [
      ["approvals", "approve", "some-id", "--reason", " "],
      'flag --reason: " ". Expected: one line of 1 to 500 characters that says why',
    ],
    [["approvals", "list", "--limit", "0"], 'flag --limit: "0". Expected: a whole number from 1 to 200'],
    [["approvals", "list", "--limit", "1.5"], 'flag --limit: "1.5". Expected: a whole number from 1 to 200'],
    [
      ["breakers", "open", "redis", "--reason", "Because.", "--minutes", "1441"],
      'flag --minutes: "1441". Expected: a whole number from 1 to 1440',
    ],
  ] as const)("asks nobody what the admin API cannot be asked, and says what can be: %j", ([args, says]) =>
    Effect.gen(function* () {
      const env = { GATEWAY_URL: `http://127.0.0.1:${yield* freePort}`, GATEWAY_TOKEN: "any" }
      const { code, err } = yield* commandLine(args, env)
      assert.strictEqual(code, 1)
      assert.include(err, says)
    }),
  )
})

describe("gateway breakers", () => {
  it.live("lists, forces and releases the breakers of a running gateway", () =>
    Effect.gen(function* () {
      const under = yield* startGateway()
      const env = besides(under)
      const table = yield* commandLine(["breakers", "list"], env)
      assert.match(table.out, /^DEPENDENCY +STATE +SINCE +FORCED UNTIL +BY +REASON$/m)
      assert.match(table.out, /^plant +closed +\S+Z$/m)
      const token = yield* under.token("CP")
      const plantAnswers = Effect.map(
        under.send({ path: "/cp/api/v1/agents", headers: { authorization: `Bearer ${token}` } }),
        ({ status }) => status,
      )
      assert.strictEqual(yield* plantAnswers, 200)

      const why = ["--reason", "It answers nonsense.", "--minutes", "5"]
      const opened = yield* commandLine(["breakers", "open", "plant", ...why], env)
      assert.strictEqual(opened.code, 0)
      assert.match(opened.out, /^plant is forced open until \S+Z\.$/)
      assert.strictEqual(yield* plantAnswers, 503)
      const listed = yield* commandLine(["breakers", "list"], env)
      assert.match(listed.out, /^plant +open +\S+Z +\S+Z +gateway-cli +It answers nonsense\.$/m)

      const closed = yield* commandLine(["breakers", "close", "plant", ...why, "--json"], env)
      assert.deepInclude(JSON.parse(closed.out).forced, { state: "closed", by: "gateway-cli" })
      assert.strictEqual(yield* plantAnswers, 200)

      assert.deepStrictEqual(yield* commandLine(["breakers", "release", "plant"], env), {
        code: 0,
        out: "plant is closed, and judges for itself.",
        err: "",
      })
      assert.deepStrictEqual(yield* commandLine(["breakers", "release", "nothing"], env), {
        code: 1,
        out: "",
        err: "Not Found: There is no circuit breaker for this dependency.",
      })
    }),
  )
})

/** Any command that asks a running gateway. */
const ask = (env: Readonly<Record<string, string>>, ...flags: ReadonlyArray<string>) =>
  commandLine(["breakers", "list", ...flags], env)

describe("a command that asks a running gateway", () => {
  it.live("needs no configuration where it is told whom to ask, and with what token", () =>
    Effect.gen(function* () {
      const under = yield* startGateway()
      const url = `http://127.0.0.1:${under.port}/pp`
      const token = yield* under.token("PP")
      const faulty = { PORT: "eighty" }
      assert.strictEqual((yield* ask(faulty, "--url", `${url}/`, "--token", token)).code, 0)
      assert.strictEqual((yield* ask({ ...faulty, GATEWAY_URL: url, GATEWAY_TOKEN: token })).code, 0)
      const flagsWin = { GATEWAY_URL: "http://127.0.0.1:1", GATEWAY_TOKEN: "another" }
      assert.strictEqual((yield* ask(flagsWin, "--url", url, "--token", token)).code, 0)
      assert.strictEqual((yield* ask({ ...faulty, GATEWAY_URL: "" })).code, 2)
    }),
  )

  it.live.each([
    ["PORT is 0", { PORT: "0" }, /^PORT is 0,/],
    ["only CP is served", { GATEWAY_TYPE: "CP", JWT_SECRET_CP: "x".repeat(32) }, /serves CP only/],
    [
      "host names select the portals",
      { CP_HOSTS: "cp.waooaw.com", PP_HOSTS: "pp.waooaw.com" },
      /^Host names select the portals/,
    ],
    ["the URL is none", { GATEWAY_URL: "pp.waooaw.com" }, /^"pp.waooaw.com" is not the URL of a gateway/],
    ["there is no token", { GATEWAY_URL: "http://127.0.0.1:1" }, /^There is no token\./],
    [
      "there is no token in production",
      { GATEWAY_URL: "http://127.0.0.1:1", ENVIRONMENT: "production", JWT_SECRET_PP: "x".repeat(32) },
      /^There is no token\./,
    ],
  ] as const)("ends with exit code 1 and says so when %s", ([, env, says]) =>
    Effect.gen(function* () {
      const { code, out, err } = yield* ask(env)
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, says)
    }),
  )

  it.live("ends with exit code 1 and says so when nobody listens", () =>
    Effect.gen(function* () {
      const url = `http://127.0.0.1:${yield* freePort}`
      assert.deepStrictEqual(yield* ask({ GATEWAY_URL: url, GATEWAY_TOKEN: "any" }), {
        code: 1,
        out: "",
        err: `${url} cannot be reached: ECONNREFUSED.`,
      })
    }),
  )

  it.live.each([
    ["502 Bad Gateway", /its status was 502\.$/],
    ["302 Found\r\nlocation: http://127.0.0.1:1", /its status was 302\.$/],
    ["200 OK", /its answer, does not fit the admin API: /],
  ] as const)("ends with exit code 1 where somebody else answers %j", ([head, says]) =>
    Effect.gen(function* () {
      const url = yield* upstreamSaying(`HTTP/1.1 ${head}\r\ncontent-length: 2\r\n\r\nhi`)
      const { code, err } = yield* ask({ GATEWAY_URL: url, GATEWAY_TOKEN: "any" })
      assert.strictEqual(code, 1)
      assert.match(err, says)
    }),
  )

  it.live("has variables that are no misspelt settings", () =>
    Effect.gen(function* () {
      const env = { GATEWAY_URL: "https://pp.waooaw.com", GATEWAY_TOKEN: "any" }
      assert.strictEqual((yield* commandLine(["config", "check"], env)).err, "")
    }),
  )

  it.live("prints nothing that moves the cursor of a terminal", () =>
    Effect.gen(function* () {
      const forced = {
        state: "open",
        reason: "\u001b[31mred \u202eback\u0007",
        by: "b",
        since: "s",
        until: "u",
      }
      const breaker = { dependency: "redis", state: "open", since: "s", forced }
      const body = JSON.stringify({ breakers: [breaker] })
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`
      const url = yield* upstreamSaying(Buffer.from(`${head}\r\n\r\n${body}`))
      const { out } = yield* ask({ GATEWAY_URL: url, GATEWAY_TOKEN: "any" })
      assert.match(out, / \[31mred back$/)
    }),
  )
})
